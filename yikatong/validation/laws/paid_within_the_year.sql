-- code: DU-2
-- 名称: 同一年度（季度）已发放，提示
-- severity: info
-- basis: 渡财发〔2022〕32号 附件1 发放频次；黔江 地块每年一次（待核）
-- fixes: 发放单位
-- field: beneficiary_id
-- trimmed: 本项{often}发放一次，{period} 期已由其他单位发放。请与主管部门核实，核对是否补发、分期。
-- message: 本项{often}发放一次，{period} 期已在批次 {batch_number} 由{paying_unit}发放。请核对是否补发、分期。
-- example: 本项每年发放一次，2026-05 期已在批次 PE202605P0100003 由桑柘镇发放。请核对是否补发、分期。
SELECT line.line_id, CASE WHEN programme.repeats = 'year' THEN '每年' ELSE '每季' END AS often, paid.period,
  paid.batch_number, paid.paying_unit, paid.unit_no FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.repeats IN ('year', 'quarter')
  AND NOT programme.yearly_repeat_asks
JOIN paid ON paid.programme_code = line.programme_code AND paid.period <> line.period
  AND paid.obligee_id = line.obligee_id AND paid.object_key = line.object_key
