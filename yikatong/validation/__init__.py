"""验证: row rules, cross rules, the bank's check, the verdict that splits (两方案 四(二))."""
