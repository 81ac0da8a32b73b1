-- code: AM-1
-- 名称: 金额不等于标准×数量
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 发放单位
-- field: {cell}
-- message: {what}。请{todo}。
-- example: 金额 735.00 元，按标准 73.6 元、数量 10 应为 736.00 元。请核对标准、数量和月数。
-- where another benefit is taken off (择高、补差), MX-2 and MX-3 say what is due instead
WITH less AS (
  SELECT deduction.line_id, MIN(CASE WHEN deduction.is_all_known THEN 1 ELSE 0 END) AS is_known
  FROM deduction GROUP BY deduction.line_id
)
SELECT line.line_id, '金额 ' || line.amount_yuan || ' 元，按标准 ' || line.rate_yuan || ' 元'
    || CASE WHEN line.quantity <> 1 THEN '、' || programme.quantity_word || ' ' || line.quantity_text ELSE '' END
    || CASE WHEN line.month_count <> 1 THEN '、' || CAST(line.month_count AS VARCHAR) || ' 个月'
            WHEN line.quantity <> 1 THEN ' ' ELSE '' END
    || programme.formula_shown || '应为 ' || line.expected_yuan || ' 元'
    || CASE WHEN line.computed_fen > line.expected_fen THEN '（单笔上限）' ELSE '' END AS what,
  '核对标准、' || programme.quantity_word || '和月数' AS todo, 'amount' AS cell FROM line
JOIN programme ON programme.programme_code = line.programme_code
LEFT JOIN less ON less.line_id = line.line_id
WHERE line.expected_fen IS NOT NULL AND line.amount_fen IS NOT NULL AND line.is_known_grade
  AND ABS(line.amount_fen - line.expected_fen) > line.tolerance_fen
  AND (less.line_id IS NULL OR (less.is_known = 0 AND line.amount_fen > line.expected_fen))
UNION ALL
SELECT line.line_id, '缺少补贴标准或' || programme.quantity_word || '，无法核算金额' AS what, '补填后重新导入' AS todo, 'amount' AS cell FROM line
JOIN programme ON programme.programme_code = line.programme_code
-- a cell that cannot be read has been told of already (NU-1, RQ-1, DG-1)
WHERE line.is_readable AND line.counts_by_standard AND NOT line.is_computable AND line.is_known_grade
UNION ALL
SELECT line.line_id, programme.grade_word || '“' || line.grade || '”不在本项的' || programme.grade_word || '之内，没有对应的标准' AS what,
  '核对' || programme.grade_word AS todo, 'grade' AS cell FROM line
JOIN programme ON programme.programme_code = line.programme_code
WHERE NOT line.is_known_grade
