-- code: RO-3
-- 名称: 在需核实的名册
-- severity: confirm
-- basis: 灵璧、随州、汉寿审计（转）
-- fixes: 主管部门
-- field: beneficiary_id
-- message: 该对象在“{kind_word}”名册内。名册相符不等于有问题，请核实是否符合本项条件并写明理由。
SELECT line.line_id, roster.kind_word FROM line
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'confirm'
WHERE roster.is_on AND roster.is_fresh
