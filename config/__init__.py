"""Settings per process, and the one URL table. May import anything."""
