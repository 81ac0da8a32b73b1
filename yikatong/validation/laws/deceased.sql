-- code: RO-2
-- 名称: 已死亡、户籍注销或失踪
-- severity: block
-- basis: 彭水方案 四(二) 身份信息有效；乐山审计（转）
-- fixes: 发放单位
-- field: beneficiary_id
-- rosters: stop
-- message: “{kind_word}”名册显示{who}自 {since} 起在册，早于本期。请核实后剔除。
-- example: “死亡人员”名册显示享受人自 2026-08-31 起在册，早于本期。请核实后剔除。
SELECT line.line_id, '享受人' AS who, roster.kind_word, MIN(roster.since) AS since FROM line
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'stop' AND roster.since < line.period_first
GROUP BY line.line_id, roster.kind_word
UNION ALL
SELECT line.line_id, '收款人' AS who, roster.kind_word, MIN(roster.since) AS since FROM line
JOIN roster ON roster.person_id = line.payee_id AND roster.need = 'stop' AND roster.since < line.period_first
WHERE NOT line.is_same_person
GROUP BY line.line_id, roster.kind_word
