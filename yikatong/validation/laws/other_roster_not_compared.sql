-- code: SY-1
-- 名称: 相关名册缺失或过期
-- severity: info
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 主管部门
-- field: beneficiary_id
-- verdict: 未比对
-- once: file
-- rosters: stop relation watch absent
-- message: “{kind_word}”名册缺失或已过期，有关规则未比对，不等于通过。请尽快导入最新名册。
-- example: “死亡人员”名册缺失或已过期，有关规则未比对，不等于通过。请尽快导入最新名册。
-- rosters that this item does not require, but that some rule reads, said once for the whole list
SELECT MIN(line.line_id) AS line_id, roster_kind.kind, roster_kind.kind_word FROM line
JOIN roster_kind ON NOT roster_kind.asks AND NOT roster_kind.is_fresh
LEFT JOIN roster_kind AS asked ON asked.kind = roster_kind.kind AND asked.asks
WHERE asked.kind IS NULL
GROUP BY roster_kind.kind, roster_kind.kind_word
