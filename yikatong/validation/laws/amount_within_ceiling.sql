-- code: AM-2
-- 名称: 超过上限
-- severity: block
-- basis: 国办发〔2012〕45号 差额补助（待核）；单笔上限为项目设置
-- fixes: 主管部门
-- field: amount
-- message: 金额 {amount_yuan} 元超过上限 {ceiling_yuan} 元。请核对保障人数、数量和差额。
-- example: 金额 2,400.00 元超过上限 2,324.00 元。请核对保障人数、数量和差额。
-- a ceiling reckoned without the standard of a known grade (AM-1 tells that) is none, a cap is one
SELECT line.line_id, line.amount_yuan, line.ceiling_yuan FROM line
WHERE line.ceiling_fen IS NOT NULL AND line.amount_fen > line.ceiling_fen
  AND (line.is_known_grade OR line.computed_fen IS NULL OR line.ceiling_fen <> line.computed_fen)
