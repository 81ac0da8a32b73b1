-- code: MX-1
-- 名称: 与另一项互斥
-- severity: block
-- basis: 国发〔2015〕52号；国发〔2016〕14号；民发〔2021〕43号
-- fixes: 主管部门
-- field: beneficiary_id
-- message: 本期已享受“{other_name}”，与本项不得同时享受（{legal_basis}）。请核实后剔除。
SELECT line.line_id, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.severity = 'block'
JOIN paid ON paid.programme_code = relation.other_code AND paid.period = line.period
  AND paid.beneficiary_id = line.beneficiary_id
WHERE (relation.under_age IS NULL OR line.age < relation.under_age)
UNION
SELECT line.line_id, relation.other_name, relation.legal_basis FROM line
JOIN relation ON relation.kind = 'DENY' AND relation.severity = 'block'
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.kind = relation.other_roster
  AND roster.is_on
WHERE (relation.under_age IS NULL OR line.age < relation.under_age)
