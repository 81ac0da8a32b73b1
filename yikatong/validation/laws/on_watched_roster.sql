-- code: RO-3
-- 名称: 在需核实的名册
-- severity: confirm
-- basis: 灵璧、随州、汉寿审计（转）
-- fixes: 主管部门
-- field: beneficiary_id
-- rosters: watch
-- message: {who}在“{kind_word}”名册内。名册相符不等于有问题，请核实是否符合本项条件并写明理由。
-- example: 该对象在“财政供养人员”名册内。名册相符不等于有问题，请核实是否符合本项条件并写明理由。
SELECT DISTINCT line.line_id, '该对象' AS who, roster.kind_word FROM line
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'watch' AND roster.is_fresh
UNION
SELECT DISTINCT line.line_id, '该对象的同户家人' AS who, roster.kind_word FROM line
JOIN roster ON roster.household_id = line.household_id AND roster.need = 'watch' AND roster.is_fresh
  AND roster.kind = 'village_cadre' AND roster.person_id <> line.beneficiary_id
