-- code: RG-1
-- 名称: 未登记的补贴对象
-- severity: block
-- basis: 彭水方案 五(四)；渡财发〔2022〕32号 五(四)
-- fixes: 镇街
-- field: beneficiary_id
-- message: {who}不在本区县的补贴对象登记中。请先采集登记，或核对身份证号。
-- example: 享受人不在本区县的补贴对象登记中。请先采集登记，或核对身份证号。
SELECT line.line_id, '享受人' AS who FROM line
WHERE line.beneficiary_id IS NULL AND line.has_beneficiary_index
UNION ALL
SELECT line.line_id, '收款人' AS who FROM line
WHERE line.payee_id IS NULL AND line.has_payee_index AND NOT line.is_same_person
UNION ALL
SELECT line.line_id, '享受人所在的户' AS who FROM line
WHERE line.is_household_item AND line.household_id IS NULL AND line.beneficiary_id IS NOT NULL
