-- code: AM-1
-- 名称: 本期没有生效的标准
-- severity: info
-- basis: 渡财发〔2022〕32号 三
-- fixes: 主管部门
-- field: standard
-- once: always
-- message: 清单中没有本期生效的补贴标准，按表内标准核算。请主管部门尽快维护标准。
-- example: 清单中没有本期生效的补贴标准，按表内标准核算。请主管部门尽快维护标准。
SELECT line.line_id FROM line WHERE NOT line.has_standard AND line.counts_by_standard
