-- code: MX-4
-- 名称: 同一标的已享受另一项
-- severity: block
-- basis: 项目关系（待核），由主管部门维护
-- fixes: 主管部门
-- field: object_key
-- message: {object_word} {object_key} 在 {period} 期已享受“{other_name}”，不得重复（{legal_basis}）。请核实后剔除。
-- example: 小班号 班-0012 在 2026-05 期已享受“退耕还林直补”，不得重复（黔江：林地不予补贴）。请核实后剔除。
SELECT DISTINCT line.line_id, programme.object_word, line.object_key, relation.other_name, paid.period, relation.legal_basis FROM line
JOIN programme ON programme.programme_code = line.programme_code
JOIN relation ON relation.kind = 'SAME_ASSET' AND relation.severity = 'block'
  AND (relation.own_grade = '' OR relation.own_grade = line.grade_key)
JOIN paid ON paid.programme_code = relation.other_code
  AND paid.period BETWEEN relation.from_period AND relation.to_period
  AND paid.object_key = line.object_key
  AND (relation.other_grade = '' OR relation.other_grade = paid.grade_key)
WHERE line.object_key <> ''
