-- code: DU-2
-- 名称: 同一年度（季度）已发放
-- severity: confirm
-- basis: 渡财发〔2022〕32号 附件1 发放频次；黔江 地块每年一次（待核）
-- fixes: 发放单位
-- field: beneficiary_id
-- trimmed: {why}，{period} 期已由其他单位发放。请与主管部门核实，确属补发、分期的写明理由。
-- message: {why}，{period} 期已在批次 {batch_number} 由{paying_unit}发放。确属补发、分期的请写明理由。
-- example: 本项每年发放一次，2026-05 期已在批次 PE202605P0100003 由桑柘镇发放。确属补发、分期的请写明理由。
SELECT line.line_id, CASE WHEN programme.object_kind = 'case' THEN '同一个案只发放一次'
    WHEN programme.repeats = 'year' THEN '本项每年发放一次' ELSE '本项每季发放一次' END AS why, paid.period, paid.batch_number,
  paid.paying_unit, paid.unit_no FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.repeats IN ('year', 'quarter')
  AND programme.yearly_repeat_asks
JOIN paid ON paid.programme_code = line.programme_code AND paid.period <> line.period
  AND paid.obligee_id = line.obligee_id AND paid.object_key = line.object_key
UNION ALL  -- 临时救助: another case of the same person in the year
SELECT line.line_id, '同一对象本年度已有另一个案' AS why, paid.period, paid.batch_number, paid.paying_unit, paid.unit_no FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.object_kind = 'case'
  AND programme.yearly_repeat_asks
JOIN paid ON paid.programme_code = line.programme_code
  AND paid.obligee_id = line.obligee_id AND paid.object_key <> line.object_key
