"""留痕: one chained event per command, append-only."""
