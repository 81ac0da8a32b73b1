"""`faults`: the crash matrix (trust.md §4), with the bank simulator's own books as the oracle."""
