"""终端: the command line. It speaks to the same actions as the screens and records `via cli`."""
