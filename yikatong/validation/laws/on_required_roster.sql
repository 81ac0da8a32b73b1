-- code: RO-1
-- 名称: 不在应在的名册
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 主管部门
-- field: beneficiary_id
-- message: 本期不在“{kind_word}”名册内，不符合享受条件。请核实资格或更新名册。
SELECT line.line_id, roster.kind_word FROM line
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'block'
WHERE NOT roster.is_on AND roster.is_fresh
