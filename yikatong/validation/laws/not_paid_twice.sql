-- code: DU-2
-- 名称: 同一项目同一期重复享受
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 发放单位
-- field: beneficiary_id
-- trimmed: {when_paid}已由其他单位发放或正在发放{why}。请与主管部门核实后剔除。
-- message: {when_paid}已在批次 {batch_number} 由{paying_unit}发放或正在发放{why}。请核实后剔除。
-- example: 本期已在批次 PE202609P0100012 由桑柘镇发放或正在发放。请核实后剔除。
SELECT line.line_id, '本期' AS when_paid, paid.batch_number, paid.paying_unit, '' AS why, paid.unit_no FROM line
JOIN paid ON paid.programme_code = line.programme_code AND paid.period = line.period
  AND paid.obligee_id = line.obligee_id AND paid.object_key = line.object_key
UNION ALL
SELECT line.line_id, paid.period || ' 期' AS when_paid, paid.batch_number, paid.paying_unit,
  '，同一机具、房屋只补一次' AS why, paid.unit_no FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.repeats = 'ever'
JOIN paid ON paid.programme_code = line.programme_code AND paid.period <> line.period
  AND paid.obligee_id = line.obligee_id AND paid.object_key = line.object_key
WHERE line.object_key <> ''
UNION ALL
SELECT line.line_id, paid.period || ' 期' AS when_paid, paid.batch_number, paid.paying_unit,
  '，同一地块的' || line.grade || '只发一次' AS why, paid.unit_no FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.repeats = 'instalment'
JOIN paid ON paid.programme_code = line.programme_code AND paid.period <> line.period
  AND paid.object_key = line.object_key AND paid.grade_key = line.grade_key
WHERE line.object_key <> ''
