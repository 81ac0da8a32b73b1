-- code: MX-1
-- 名称: 与另一项互斥
-- severity: block
-- basis: 国发〔2015〕52号；国发〔2016〕14号；民发〔2021〕43号
-- fixes: 主管部门
-- field: beneficiary_id
-- rosters: relation
-- message: 本期已享受“{other_name}”，与本项不得同时享受（{legal_basis}）。请核实后剔除。
-- example: 本期已享受“特困供养”，与本项不得同时享受（国发〔2016〕14号）。请核实后剔除。
SELECT line.line_id, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.severity = 'block'
  AND (relation.own_grade = '' OR relation.own_grade = line.grade_key)
  AND (relation.under_age IS NULL OR line.age < relation.under_age)
JOIN paid ON paid.programme_code = relation.other_code
  AND paid.period BETWEEN relation.from_period AND relation.to_period
  AND (relation.other_grade = '' OR relation.other_grade = paid.grade_key)
  AND ((relation.scope = 'person' AND paid.beneficiary_id = line.beneficiary_id)
    OR (relation.scope = 'household' AND paid.household_id = line.household_id)
    OR (relation.scope IN ('plot', 'house', 'machine') AND line.object_key <> '' AND paid.object_key = line.object_key))
UNION
SELECT line.line_id, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.severity = 'block'
  AND (relation.own_grade = '' OR relation.own_grade = line.grade_key)
  AND (relation.under_age IS NULL OR line.age < relation.under_age)
JOIN roster ON roster.need = 'relation' AND roster.kind = relation.other_roster AND roster.is_fresh
  AND (relation.other_grade = '' OR relation.other_grade = roster.grade_key)
  AND ((relation.scope = 'person' AND roster.person_id = line.beneficiary_id)
    OR (relation.scope = 'household' AND roster.household_id = line.household_id))
