-- code: DU-3
-- 名称: 同一标的被两人申领
-- severity: block
-- basis: 黔江区 2022-12-27（待核）
-- fixes: 发放单位
-- field: object_key
-- message: 标的编号 {object_key} 在本期被多人申领。请核实归属后只保留一人。
SELECT line.line_id, line.object_key FROM line
JOIN (SELECT object_key FROM line WHERE object_key <> '' AND obligee_id IS NOT NULL
      GROUP BY object_key HAVING COUNT(DISTINCT obligee_id) > 1) AS shared
  ON shared.object_key = line.object_key
UNION ALL
SELECT line.line_id, line.object_key FROM line
JOIN paid ON paid.programme_code = line.programme_code AND paid.period = line.period
  AND paid.object_key = line.object_key AND paid.obligee_id <> line.obligee_id
WHERE line.object_key <> ''
