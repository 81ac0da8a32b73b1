-- code: AM-6
-- 名称: 总额与总数量×标准相差过大
-- severity: confirm
-- basis: 登封 2015 耕地补贴审计公告 2017-12-23（转）：逐行四舍五入，每行至多差 0.005 元
-- fixes: 发放单位
-- field: amount
-- once: always
-- message: 全表按标准×数量应为 {due_yuan} 元，金额合计 {total_yuan} 元，超过 {line_count} 行四舍五入允许的 {allowed_yuan} 元。请核对金额与标准不一致的行。
-- example: 全表按标准×数量应为 49041570.830 元，金额合计 49041572.49 元，超过 300 行四舍五入允许的 1.500 元。请核对金额与标准不一致的行。
-- said once for the file; only the lines that make the difference wait, those to the fen pass.
-- where another benefit is taken off (择高、补差) the amount is rightly another
WITH counted AS (
  SELECT line.line_id, line.amount_fen, line.expected_fen,
    CASE WHEN line.computed_fen > line.expected_fen THEN line.expected_fen ELSE line.exact_fen END AS due_fen
  FROM line LEFT JOIN deduction ON deduction.line_id = line.line_id
  WHERE line.expected_fen IS NOT NULL AND line.amount_fen IS NOT NULL AND line.is_known_grade AND deduction.line_id IS NULL
), whole AS (
  SELECT SUM(counted.due_fen) AS due_fen, SUM(counted.amount_fen) AS total_fen, COUNT(*) AS line_count FROM counted
)
SELECT counted.line_id, CAST(CAST(whole.due_fen * 0.01 AS DECIMAL(20, 3)) AS VARCHAR) AS due_yuan,
  CAST(CAST(whole.total_fen * 0.01 AS DECIMAL(20, 2)) AS VARCHAR) AS total_yuan, whole.line_count,
  CAST(CAST(whole.line_count * programme.total_tolerance_per_line * 0.001 AS DECIMAL(20, 3)) AS VARCHAR) AS allowed_yuan
FROM counted
CROSS JOIN whole
JOIN programme ON programme.total_tolerance_per_line > 0
WHERE ABS(whole.total_fen - whole.due_fen) * 10 > whole.line_count * programme.total_tolerance_per_line
  AND counted.amount_fen <> counted.expected_fen
