-- code: AC-1
-- 名称: 银行尚无核验结果
-- severity: confirm
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 代发银行
-- field: account_no
-- verdict: 未比对
-- once: check
-- message: 账户（尾号 {last4}）尚无有效的银行核验结果，视为未比对。提交后系统向开户银行联网核验。
-- example: 账户（尾号 0018）尚无有效的银行核验结果，视为未比对。提交后系统向开户银行联网核验。
SELECT line.line_id, account.last4 FROM line
JOIN account ON account.account_id = line.account_id
WHERE account.outcome IS NULL OR account.outcome = 'UNAVAILABLE'
