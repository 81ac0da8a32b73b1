-- code: RO-2
-- 名称: 已死亡人员
-- severity: block
-- basis: 彭水方案 四(二) 身份信息有效；乐山审计（转）
-- fixes: 发放单位
-- field: beneficiary_id
-- message: {kind_word}名册显示该对象已于 {since} 死亡，早于本期。请核实后剔除。
SELECT line.line_id, roster.kind_word, roster.since FROM line
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.kind = 'deceased' AND roster.is_on
WHERE roster.since < line.period_first
