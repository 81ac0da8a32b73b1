-- code: RO-1
-- 名称: 等级与名册不符
-- severity: confirm
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 主管部门
-- field: grade
-- rosters: must
-- message: 表内{grade_word}“{grade}”与“{kind_word}”名册的“{roster_grade}”不符。请核对证件，确实无误的写明理由。
-- example: 表内残疾等级“一级”与“持证残疾人”名册的“二级”不符。请核对证件，确实无误的写明理由。
-- a grade that the item does not know agrees with no roster, and no reason lets it pass (AM-1)
SELECT line.line_id, programme.grade_word, line.grade, held.kind_word, held.grade_key AS roster_grade FROM line
JOIN programme ON programme.programme_code = line.programme_code
JOIN (SELECT roster.person_id, roster.kind, MIN(roster.kind_word) AS kind_word, MIN(roster.grade_key) AS grade_key
      FROM roster WHERE roster.need = 'must' AND roster.is_fresh AND roster.grade_key <> ''
      GROUP BY roster.person_id, roster.kind HAVING COUNT(DISTINCT roster.grade_key) = 1) AS held
  ON held.person_id = line.beneficiary_id
WHERE line.is_known_grade AND line.grade_key <> '' AND held.grade_key <> line.grade_key
