"""提交: batches, lines and the sheets they come from. 彭水方案 四(一), 大渡口方案 四(一)."""
