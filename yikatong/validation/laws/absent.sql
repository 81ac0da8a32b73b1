-- code: RO-4
-- 名称: 服刑、外嫁迁出或外省市已享受
-- severity: confirm
-- basis: 汝城（转）；服刑人员待核
-- fixes: 主管部门
-- field: beneficiary_id
-- rosters: absent
-- message: “{kind_word}”名册显示该对象自 {since} 起在册。请核实本期是否仍应享受，并写明理由。
-- example: “服刑人员”名册显示该对象自 2026-03-01 起在册。请核实本期是否仍应享受，并写明理由。
SELECT line.line_id, roster.kind_word, MIN(roster.since) AS since FROM line
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'absent' AND roster.is_fresh
GROUP BY line.line_id, roster.kind_word
