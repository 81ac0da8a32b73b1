-- code: AC-2
-- 名称: 多人共用一个账户
-- severity: block
-- basis: 财办〔2020〕37号 一人一卡
-- fixes: 镇街
-- field: account_no
-- message: 账户（尾号 {last4}）还登记在另外 {holders} 人名下，且不是同户或监护关系。一人一卡，请更正。
-- example: 账户（尾号 0018）还登记在另外 2 人名下，且不是同户或监护关系。一人一卡，请更正。
SELECT line.line_id, account.last4, account.other_holders AS holders FROM line
JOIN account ON account.account_id = line.account_id
WHERE account.other_holders > 0
