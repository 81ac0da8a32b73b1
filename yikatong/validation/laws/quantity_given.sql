-- code: AM-1q
-- 名称: 缺少标准或数量
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 发放单位
-- field: quantity
-- message: 缺少补贴标准或数量，无法核算金额。请补填后重新导入。
SELECT line.line_id FROM line
WHERE line.counts_by_standard AND line.expected_fen IS NULL AND line.ceiling_fen IS NULL
