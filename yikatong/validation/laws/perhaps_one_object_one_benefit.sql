-- code: MX-4
-- 名称: 同一标的已享受另一项，需核实
-- severity: confirm
-- basis: 项目关系（待核），由主管部门维护
-- fixes: 主管部门
-- field: object_key
-- message: {object_word} {object_key} 在 {period} 期已享受“{other_name}”（{legal_basis}）。可以兼得的请写明理由。
-- example: 小班号 班-0012 在 2026-05 期已享受“森林生态效益”（界定公益林的可兼得）。可以兼得的请写明理由。
SELECT DISTINCT line.line_id, programme.object_word, line.object_key, relation.other_name, paid.period, relation.legal_basis FROM line
JOIN programme ON programme.programme_code = line.programme_code
JOIN relation ON relation.kind = 'SAME_ASSET' AND relation.severity = 'confirm'
  AND (relation.own_grade = '' OR relation.own_grade = line.grade_key)
JOIN paid ON paid.programme_code = relation.other_code
  AND paid.period BETWEEN relation.from_period AND relation.to_period
  AND paid.object_key = line.object_key
  AND (relation.other_grade = '' OR relation.other_grade = paid.grade_key)
WHERE line.object_key <> ''
