-- code: MX-2
-- 名称: 择高后的金额不符
-- severity: block
-- basis: 国发〔2015〕52号
-- fixes: 主管部门
-- field: amount
-- rosters: relation
-- message: {seen}“{other_name}”{taken_yuan} 元，两项择高（{legal_basis}）：本项 {expected_yuan} 元减去{less_what}后应发 {due_yuan} 元，表内 {amount_yuan} 元。请更正金额；应发 0 元的剔除。
-- example: 本期已领“重残护理”100.00 元，两项择高（国发〔2015〕52号）：本项 200.00 元减去已领后应发 100.00 元，表内 200.00 元。请更正金额；应发 0 元的剔除。
-- what is due of a grade that the item does not know (AM-1) is not reckoned
SELECT line.line_id, deduction.other_name, deduction.seen, deduction.taken_yuan, line.expected_yuan,
  deduction.less_what, deduction.due_yuan, line.amount_yuan, deduction.legal_basis FROM line
JOIN deduction ON deduction.line_id = line.line_id AND deduction.kind = 'HIGHER' AND deduction.is_all_known
WHERE line.is_known_grade AND deduction.due_fen IS NOT NULL AND ABS(line.amount_fen - deduction.due_fen) > line.tolerance_fen
