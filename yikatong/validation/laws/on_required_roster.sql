-- code: RO-1
-- 名称: 不在应在的名册，或超过核定数量
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 主管部门
-- field: beneficiary_id
-- rosters: must
-- message: {what}，不符合享受条件。请核实资格或更新名册。
-- example: 本期不在“低保对象”名册内，不符合享受条件。请核实资格或更新名册。
WITH held AS (
  SELECT roster.person_id, roster.kind, MIN(roster.kind_word) AS kind_word, COUNT(*) AS entries,
    SUM(CASE WHEN roster.object_key <> '' THEN 1 ELSE 0 END) AS named,
    SUM(CASE WHEN roster.object_key = '' THEN roster.quantity END) AS quantity
  FROM roster WHERE roster.need = 'must' AND roster.is_fresh GROUP BY roster.person_id, roster.kind
), claimed AS (
  SELECT line.beneficiary_id, SUM(line.quantity) AS quantity FROM line
  WHERE line.beneficiary_id IS NOT NULL GROUP BY line.beneficiary_id
)
SELECT line.line_id, '本期不在“' || wanted.kind_word || '”名册内' AS what FROM line
JOIN roster_kind AS wanted ON wanted.need = 'must' AND wanted.is_fresh
LEFT JOIN held ON held.person_id = line.beneficiary_id AND held.kind = wanted.kind
WHERE line.beneficiary_id IS NOT NULL AND held.person_id IS NULL
UNION ALL
SELECT line.line_id, programme.object_word || ' ' || line.object_key || ' 不在“' || held.kind_word || '”名册所列之内' AS what FROM line
JOIN programme ON programme.programme_code = line.programme_code
JOIN held ON held.person_id = line.beneficiary_id AND held.named = held.entries
LEFT JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'must' AND roster.kind = held.kind
  AND roster.object_key = line.object_key
WHERE line.object_key <> '' AND roster.person_id IS NULL
UNION ALL
SELECT line.line_id, programme.quantity_word || ' ' || line.quantity_text || ' 超过“' || roster.kind_word || '”名册核定的 '
  || TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST(CAST(roster.quantity AS DECIMAL(20, 3)) AS VARCHAR))) AS what FROM line
JOIN programme ON programme.programme_code = line.programme_code
JOIN roster ON roster.person_id = line.beneficiary_id AND roster.need = 'must' AND roster.is_fresh
  AND roster.object_key = line.object_key
WHERE line.object_key <> '' AND line.quantity > roster.quantity
UNION ALL
SELECT line.line_id, programme.quantity_word || '合计 '
  || TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST(CAST(claimed.quantity AS DECIMAL(20, 3)) AS VARCHAR)))
  || ' 超过“' || held.kind_word || '”名册核定的 '
  || TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST(CAST(held.quantity AS DECIMAL(20, 3)) AS VARCHAR))) AS what FROM line
JOIN programme ON programme.programme_code = line.programme_code
JOIN held ON held.person_id = line.beneficiary_id AND held.named = 0
JOIN claimed ON claimed.beneficiary_id = line.beneficiary_id
WHERE claimed.quantity > held.quantity
