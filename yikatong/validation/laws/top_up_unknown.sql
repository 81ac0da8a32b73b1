-- code: MX-3
-- 名称: 补差的应发金额算不出
-- severity: confirm
-- basis: 民发〔2019〕62号
-- fixes: 主管部门
-- field: amount
-- rosters: relation
-- message: {seen}“{other_name}”{taken}，本项只补差额（{legal_basis}），系统算不出本项应发多少。请核实差额，并写明理由。
-- example: 名册显示享受“城乡低保”，金额不明，本项只补差额（民发〔2019〕62号），系统算不出本项应发多少。请核实差额，并写明理由。
-- what is due of a grade that the item does not know (AM-1) is not reckoned
SELECT line.line_id, deduction.other_name, deduction.seen,
  CASE WHEN deduction.taken_yuan IS NULL THEN '，金额不明' ELSE deduction.taken_yuan || ' 元' END AS taken,
  deduction.legal_basis FROM line
JOIN deduction ON deduction.line_id = line.line_id AND deduction.kind = 'TOPUP'
WHERE NOT deduction.is_all_known OR (deduction.due_fen IS NULL AND line.is_known_grade)
