-- code: DU-2
-- 名称: 同一项目同一期重复享受
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 发放单位
-- field: beneficiary_id
-- message: 本期已在批次 {batch_number} 由{paying_unit}发放或正在发放。请核实后剔除。
-- trimmed: 本期已由其他单位发放或正在发放。请与主管部门核实后剔除。
SELECT line.line_id, paid.batch_number, paid.paying_unit, paid.unit_no FROM line
JOIN paid ON paid.programme_code = line.programme_code AND paid.period = line.period
  AND paid.obligee_id = line.obligee_id AND paid.object_key = line.object_key
