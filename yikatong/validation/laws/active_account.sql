-- code: AC-0
-- 名称: 没有启用的一卡通账户
-- severity: block
-- basis: 彭水方案 五(四)；渡财发〔2022〕32号 五(四)
-- fixes: 镇街
-- field: account_no
-- message: 收款人没有启用的一卡通账户。请先登记账户。
SELECT line.line_id FROM line WHERE line.payee_id IS NOT NULL AND line.account_id IS NULL
