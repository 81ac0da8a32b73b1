"""内核: pure values that every stage shares. No Django, no clock, no I/O."""
