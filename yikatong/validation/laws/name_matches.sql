-- code: NM-1
-- 名称: 姓名与登记或银行户名不符
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 镇街
-- field: {cell}
-- message: {who}与{where_found}“{registered_name}”不符。请{todo}。
-- example: 享受人姓名与登记的“冉光荣”不符。请对照身份证更正，或为本人更正登记。
SELECT line.line_id, 'beneficiary_name' AS cell, '享受人姓名' AS who, '登记的' AS where_found, person.name AS registered_name,
  '对照身份证更正，或为本人更正登记' AS todo FROM line
JOIN person ON person.person_id = line.beneficiary_id
WHERE line.beneficiary_is_misnamed
UNION ALL
SELECT line.line_id, 'payee_name' AS cell, '收款人姓名' AS who, '登记的' AS where_found, person.name AS registered_name,
  '对照身份证更正，或为本人更正登记' AS todo FROM line
JOIN person ON person.person_id = line.payee_id
WHERE line.payee_is_misnamed AND NOT line.is_same_person
UNION ALL
SELECT line.line_id, 'account_no' AS cell, '收款人姓名' AS who, '登记账户的户名' AS where_found, account.account_name AS registered_name,
  '核对存折或社保卡首页，发起账户变更' AS todo FROM line
JOIN account ON account.account_id = line.account_id
WHERE account.account_name_key <> account.holder_name_key AND coalesce(account.outcome, '') <> 'MATCH'
