"""复核: finance passes or returns, and changes nothing (两方案 三·财政)."""
