-- code: DU-3
-- 名称: 同一标的被两人申领
-- severity: block
-- basis: 黔江区 2022-12-27（待核）
-- fixes: 发放单位
-- field: object_key
-- message: {object_word} {object_key} 被多人申领{when_paid}。请核实归属后只保留一人。
-- example: 地块编号 500243-01-0087 被多人申领。请核实归属后只保留一人。
SELECT line.line_id, programme.object_word, line.object_key, '' AS when_paid FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.object_kind <> 'case'
JOIN (SELECT object_key FROM line WHERE object_key <> '' AND obligee_id IS NOT NULL
      GROUP BY object_key HAVING COUNT(DISTINCT obligee_id) > 1) AS shared
  ON shared.object_key = line.object_key
UNION ALL
SELECT line.line_id, programme.object_word, line.object_key, '，' || paid.period || ' 期已为他人发放' AS when_paid FROM line
JOIN programme ON programme.programme_code = line.programme_code AND programme.object_kind <> 'case'
JOIN paid ON paid.programme_code = line.programme_code
  AND paid.object_key = line.object_key AND paid.obligee_id <> line.obligee_id
WHERE line.object_key <> '' AND (paid.period = line.period OR programme.repeats IN ('ever', 'year'))
