"""对象与账户: persons, households, cards and their immutable versions, rosters (两方案 五4)."""
