-- code: AG-1
-- 名称: 年龄不符合本项条件
-- severity: block
-- basis: 渡财发〔2022〕32号 附件1
-- fixes: 主管部门
-- field: beneficiary_id
-- message: 期末年龄 {age} 岁，不符合本项的年龄条件（{age_rule}）。请核实后剔除。
-- example: 期末年龄 58 岁，不符合本项的年龄条件（满60岁）。请核实后剔除。
SELECT line.line_id, line.age, line.age_rule FROM line
WHERE line.age IS NOT NULL
  AND (line.age < line.age_lowest OR line.age > line.age_highest)
