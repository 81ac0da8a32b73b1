-- code: AC-3
-- 名称: 收款人不是本人、户主或监护人
-- severity: block
-- basis: 临河区财政局 2023-08-01（转）；青神县 2019
-- fixes: 镇街
-- field: payee_name
-- message: 收款人不是享受人本人{or_head}，也没有登记监护关系。不得代持代领，请更正收款人或登记监护人。
-- example: 收款人不是享受人本人或其户主，也没有登记监护关系。不得代持代领，请更正收款人或登记监护人。
SELECT line.line_id, CASE WHEN line.is_household_item THEN '或其户主' ELSE '' END AS or_head FROM line
WHERE line.payee_id IS NOT NULL AND line.beneficiary_id IS NOT NULL
  AND line.payee_id <> line.beneficiary_id
  AND NOT (line.is_household_item AND line.payee_id = line.head_id)
  AND NOT line.payee_is_guardian
