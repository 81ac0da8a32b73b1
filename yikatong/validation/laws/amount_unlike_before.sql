-- code: AM-4
-- 名称: 金额、数量与上期或同村相差大
-- severity: confirm
-- basis: 富阳、双柏审计（转）；百分比与名次为区县设置（拟）
-- fixes: 发放单位
-- field: amount
-- message: {what}。请核实并写明理由。
-- example: 数量 92 较上期 2025-06 的 30.5 增加超过 50%。请核实并写明理由。
WITH village AS (
  SELECT line.village_no, COUNT(*) AS line_count, SUM(line.amount_fen) AS total_fen FROM line
  WHERE line.village_no IS NOT NULL GROUP BY line.village_no
), far_above AS (
  SELECT line.line_id, programme.village_top, programme.village_times,
    ROW_NUMBER() OVER (PARTITION BY line.village_no ORDER BY line.amount_fen DESC, line.line_id) AS place
  FROM line
  JOIN village ON village.village_no = line.village_no
  JOIN programme ON programme.programme_code = line.programme_code
  WHERE programme.village_top > 0 AND village.line_count >= programme.village_least
    AND line.amount_fen * village.line_count >= village.total_fen * programme.village_times
)
SELECT line.line_id, '数量 ' || line.quantity_text || ' 较上期 ' || line.last_period || ' 的 ' || line.last_quantity_text
  || ' 增加超过 ' || CAST(programme.quantity_jump_percent AS VARCHAR) || '%' AS what FROM line
JOIN programme ON programme.programme_code = line.programme_code
WHERE programme.quantity_jump_percent > 0
  AND line.quantity * 100 > line.last_quantity * (100 + programme.quantity_jump_percent)
UNION ALL
SELECT line.line_id, '金额 ' || line.amount_yuan || ' 元与上期 ' || line.last_period || ' 的 ' || line.last_yuan
  || ' 元相差超过 ' || CAST(programme.amount_change_percent AS VARCHAR) || '%' AS what FROM line
JOIN programme ON programme.programme_code = line.programme_code
WHERE programme.amount_change_percent > 0
  AND ABS(line.amount_fen - line.last_fen) * 100 > line.last_fen * programme.amount_change_percent
UNION ALL
SELECT line.line_id, '金额 ' || line.amount_yuan || ' 元居本村前 ' || CAST(far_above.village_top AS VARCHAR)
  || ' 名，且不少于全村平均的 ' || CAST(far_above.village_times AS VARCHAR) || ' 倍' AS what FROM line
JOIN far_above ON far_above.line_id = line.line_id
WHERE far_above.place <= far_above.village_top
