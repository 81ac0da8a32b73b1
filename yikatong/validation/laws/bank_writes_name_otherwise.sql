-- code: NM-1
-- 名称: 银行户名写法不同
-- severity: confirm
-- basis: house（生僻字等按银行预留写法开户，身份证号和账号已经银行核验）
-- fixes: 镇街会同银行
-- field: account_no
-- message: 登记账户的户名“{account_name}”与姓名写法不同，银行核验身份证号、账号一致。请对照存折或社保卡，确认是银行预留的写法并写明理由。
-- example: 登记账户的户名“冉(火韦)荣”与姓名写法不同，银行核验身份证号、账号一致。请对照存折或社保卡，确认是银行预留的写法并写明理由。
SELECT line.line_id, account.account_name FROM line
JOIN account ON account.account_id = line.account_id
WHERE account.account_name_key <> account.holder_name_key AND account.outcome = 'MATCH'
