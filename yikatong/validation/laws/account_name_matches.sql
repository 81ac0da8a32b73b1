-- code: NM-1b
-- 名称: 户名与收款人姓名不符
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 镇街
-- field: account_no
-- message: 登记的账户户名是“{account_name}”，与收款人姓名不符。请核对存折或社保卡首页，发起账户变更。
SELECT line.line_id, account.account_name FROM line
JOIN account ON account.account_id = line.account_id
JOIN person ON person.person_id = line.payee_id
WHERE account.account_name_key <> person.name_key
