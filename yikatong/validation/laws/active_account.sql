-- code: AC-0
-- 名称: 没有启用的账户，或表内账号不是登记的账户
-- severity: block
-- basis: 彭水方案 五(四)；渡财发〔2022〕32号 五(四)
-- fixes: 镇街
-- field: account_no
-- message: {what}。请{todo}。
-- example: 收款人没有启用的一卡通账户。请先登记账户。
SELECT line.line_id, '收款人没有启用的一卡通账户' AS what, '先登记账户' AS todo FROM line
WHERE line.payee_id IS NOT NULL AND line.account_id IS NULL
UNION ALL
SELECT line.line_id,
  '表内账号（尾号 ' || line.account_last4 || '）不是收款人登记的账户（尾号 ' || account.last4 || '）' AS what,
  '核对；确需变更的先办账户变更' AS todo FROM line
JOIN account ON account.account_id = line.account_id
WHERE line.has_account_index AND NOT line.is_registered_number
