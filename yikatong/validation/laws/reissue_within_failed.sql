-- code: AM-3
-- 名称: 更正发放超过原失败金额
-- severity: block
-- basis: 渡财发〔2022〕32号 四(五)
-- fixes: 发放单位
-- field: amount
-- message: 更正发放金额 {amount_yuan} 元超过原失败金额 {failed_yuan} 元。
-- example: 更正发放金额 520.00 元超过原失败金额 500.00 元。
SELECT line.line_id, line.amount_yuan, line.failed_yuan FROM line
WHERE line.failed_fen IS NOT NULL AND line.amount_fen > line.failed_fen
