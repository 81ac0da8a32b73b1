-- code: AC-0b
-- 名称: 表内账号与登记账户不符
-- severity: block
-- basis: 彭水方案 四(二)；渡财发〔2022〕32号 四(二)
-- fixes: 镇街
-- field: account_no
-- message: 表内账号（尾号 {typed_last4}）不是收款人登记的账户（尾号 {last4}）。请核对；确需变更的先办账户变更。
SELECT line.line_id, line.account_last4 AS typed_last4, account.last4 FROM line
JOIN account ON account.account_id = line.account_id
WHERE line.has_account_index AND NOT line.is_registered_number
