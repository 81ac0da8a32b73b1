-- code: MX-3
-- 名称: 补差后的金额不符
-- severity: block
-- basis: 民发〔2019〕62号
-- fixes: 主管部门
-- field: amount
-- rosters: relation
-- message: {seen}“{other_name}”{taken_yuan} 元，本项只补差额（{legal_basis}）：{expected_yuan} 元减去{less_what}后应发 {due_yuan} 元，表内 {amount_yuan} 元。请更正金额；应发 0 元的剔除。
-- example: 本期已领“困残生活”90.00 元，本项只补差额（民发〔2019〕62号）：1500.00 元减去已领后应发 1410.00 元，表内 1500.00 元。请更正金额；应发 0 元的剔除。
-- what is due of a grade that the item does not know (AM-1) is not reckoned
SELECT line.line_id, deduction.other_name, deduction.seen, deduction.taken_yuan, line.expected_yuan,
  deduction.less_what, deduction.due_yuan, line.amount_yuan, deduction.legal_basis FROM line
JOIN deduction ON deduction.line_id = line.line_id AND deduction.kind = 'TOPUP' AND deduction.is_all_known
WHERE line.is_known_grade AND deduction.due_fen IS NOT NULL AND ABS(line.amount_fen - deduction.due_fen) > line.tolerance_fen
