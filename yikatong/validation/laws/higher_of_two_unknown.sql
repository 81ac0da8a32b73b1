-- code: MX-2
-- 名称: 择高的另一项金额不明
-- severity: confirm
-- basis: 国发〔2015〕52号
-- fixes: 主管部门
-- field: amount
-- rosters: relation
-- message: 名册显示享受“{other_name}”，与本项择高（{legal_basis}），但系统内没有另一项的金额。请核实后按高的一项核定，并写明理由。
-- example: 名册显示享受“城乡低保”，与本项择高（国发〔2015〕52号），但系统内没有另一项的金额。请核实后按高的一项核定，并写明理由。
-- what is due of a grade that the item does not know (AM-1) is not reckoned
SELECT line.line_id, deduction.other_name, deduction.legal_basis FROM line
JOIN deduction ON deduction.line_id = line.line_id AND deduction.kind = 'HIGHER'
WHERE NOT deduction.is_all_known OR (deduction.due_fen IS NULL AND line.is_known_grade)
