-- code: MX-1
-- 名称: 可能与另一项互斥
-- severity: confirm
-- basis: 项目关系（待核），由主管部门维护
-- fixes: 主管部门
-- field: beneficiary_id
-- rosters: relation
-- message: {seen}“{other_name}”，一般不与本项同时享受（{legal_basis}）。请核实并写明理由。
-- example: 本期已享受“计生特扶”，一般不与本项同时享受（同一人不得重复享受（待核））。请核实并写明理由。
SELECT line.line_id, '本期已享受' AS seen, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.severity = 'confirm'
  AND (relation.own_grade = '' OR relation.own_grade = line.grade_key)
  AND (relation.under_age IS NULL OR line.age < relation.under_age)
JOIN paid ON paid.programme_code = relation.other_code
  AND paid.period BETWEEN relation.from_period AND relation.to_period
  AND (relation.other_grade = '' OR relation.other_grade = paid.grade_key)
  AND ((relation.scope = 'person' AND paid.beneficiary_id = line.beneficiary_id)
    OR (relation.scope = 'household' AND paid.household_id = line.household_id)
    OR (relation.scope IN ('plot', 'house', 'machine') AND line.object_key <> '' AND paid.object_key = line.object_key))
UNION
SELECT line.line_id, '本期已享受' AS seen, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.severity = 'confirm'
  AND (relation.own_grade = '' OR relation.own_grade = line.grade_key)
  AND (relation.under_age IS NULL OR line.age < relation.under_age)
JOIN roster ON roster.need = 'relation' AND roster.kind = relation.other_roster AND roster.is_fresh
  AND (relation.other_grade = '' OR relation.other_grade = roster.grade_key)
  AND ((relation.scope = 'person' AND roster.person_id = line.beneficiary_id)
    OR (relation.scope = 'household' AND roster.household_id = line.household_id))
UNION  -- 等级/类别 may be left out of a roster, or be in its own words: then nobody knows which it is
SELECT line.line_id, '名册显示享受（类别不明）' AS seen, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.other_grade <> ''
  AND (relation.under_age IS NULL OR line.age < relation.under_age)
JOIN roster ON roster.need = 'relation' AND roster.kind = relation.other_roster AND roster.is_fresh
  AND POSITION('|' || roster.grade_key || '|' IN relation.other_grades) = 0
  AND ((relation.scope = 'person' AND roster.person_id = line.beneficiary_id)
    OR (relation.scope = 'household' AND roster.household_id = line.household_id))
