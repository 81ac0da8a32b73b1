-- code: AM-1
-- 名称: 金额不等于标准×数量
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 发放单位
-- field: amount
-- message: 金额 {amount_yuan} 元，按标准 {rate_yuan} 元应为 {expected_yuan} 元。请核对标准、数量和月数。
SELECT line.line_id, line.amount_yuan, line.rate_yuan, line.expected_yuan FROM line
WHERE line.expected_fen IS NOT NULL AND line.amount_fen IS NOT NULL
  AND ABS(line.amount_fen - line.expected_fen) > line.tolerance_fen
