-- code: NM-1
-- 名称: 姓名与登记不符
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 镇街
-- field: name
-- message: {who}姓名与登记的“{registered_name}”不符。请对照身份证更正，或为本人更正登记。
SELECT line.line_id, '享受人' AS who, person.name AS registered_name FROM line
JOIN person ON person.person_id = line.beneficiary_id
WHERE line.beneficiary_name_key <> person.name_key
UNION ALL
SELECT line.line_id, '收款人' AS who, person.name AS registered_name FROM line
JOIN person ON person.person_id = line.payee_id
WHERE line.payee_name_key <> person.name_key AND NOT line.is_same_person
