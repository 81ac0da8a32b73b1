"""验证: preset rules over every line, findings, the verdict. 彭水方案 四(二), 大渡口方案 四(二)."""
