-- code: AC-1
-- 名称: 银行核验不一致
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 镇街会同银行
-- field: account_no
-- message: 银行核验：账户（尾号 {last4}）与身份不一致或状态不正常{reason}。请持卡人到银行核实，或发起账户变更。
-- example: 银行核验：账户（尾号 0018）与身份不一致或状态不正常（FROZEN）。请持卡人到银行核实，或发起账户变更。
SELECT line.line_id, account.last4, account.reason FROM line
JOIN account ON account.account_id = line.account_id
WHERE account.outcome = 'MISMATCH'
