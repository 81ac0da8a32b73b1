-- code: AM-2c
-- 名称: 超过差额补助上限
-- severity: block
-- basis: 国办发〔2012〕45号 差额补助（待核）
-- fixes: 主管部门
-- field: amount
-- message: 金额 {amount_yuan} 元超过上限 {ceiling_yuan} 元（标准×人数×月数）。请核对保障人数和差额。
SELECT line.line_id, line.amount_yuan, line.ceiling_yuan FROM line
WHERE line.ceiling_fen IS NOT NULL AND line.amount_fen > line.ceiling_fen
