-- code: DU-1
-- 名称: 本批内重复
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 发放单位
-- field: beneficiary_id
-- message: 同一对象、同一标的在本批出现 {times} 次（最先在第 {first_row} 行）。请只保留一行。
-- example: 同一对象、同一标的在本批出现 2 次（最先在第 4 行）。请只保留一行。
SELECT line.line_id, again.times, again.first_row FROM line
JOIN (SELECT obligee_id, object_key, COUNT(*) AS times, MIN(row_no) AS first_row FROM line
      WHERE obligee_id IS NOT NULL GROUP BY obligee_id, object_key HAVING COUNT(*) > 1) AS again
  ON again.obligee_id = line.obligee_id AND again.object_key = line.object_key
