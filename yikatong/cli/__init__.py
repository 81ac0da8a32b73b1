"""终端: the command line, the embedded server and the test run."""
