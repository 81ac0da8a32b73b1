-- code: SY-1
-- 名称: 名册缺失或过期
-- severity: confirm
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 主管部门
-- field: beneficiary_id
-- verdict: 未比对
-- once: batch
-- rosters: must watch absent stop
-- message: “{kind_word}”名册缺失或已过期，本批未比对。请导入最新名册，或写明为何仍要送审。
-- example: “低保对象”名册缺失或已过期，本批未比对。请导入最新名册，或写明为何仍要送审。
SELECT DISTINCT line.line_id, roster_kind.kind, roster_kind.kind_word FROM line
JOIN roster_kind ON roster_kind.asks AND NOT roster_kind.is_fresh
