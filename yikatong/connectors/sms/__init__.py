"""短信: our own notices to officials (the 到账 message to the person is the bank's)."""
