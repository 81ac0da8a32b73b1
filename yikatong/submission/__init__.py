"""提交: batches and their lines, the sheets they came in, confirmations (两方案 四(一))."""
