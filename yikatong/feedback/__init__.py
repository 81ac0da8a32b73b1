"""反馈: results applied once, refunds of residue, the day account (彭 四(四), 渡 四(五))."""
