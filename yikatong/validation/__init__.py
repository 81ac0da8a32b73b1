"""验证: row rules, cross rules, the bank's check, and the verdict that splits a batch (两方案 四(二))."""
