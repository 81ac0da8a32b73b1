-- code: AC-4
-- 名称: 发放前不久变更过账户
-- severity: confirm
-- basis: 两方案 五(四) 一经确认不得随意变更；天数为区县设置（拟）
-- fixes: 镇街
-- field: account_no
-- message: 账户（尾号 {last4}）于 {changed_on} 变更，距今不足 {days} 天。请核实是否本人申请，并写明理由。
-- example: 账户（尾号 0018）于 2026-11-02 变更，距今不足 30 天。请核实是否本人申请，并写明理由。
-- a payment that failed is re-issued to the account that was put right for it, no question then
SELECT line.line_id, account.last4, account.changed_on, programme.account_change_days AS days FROM line
JOIN account ON account.account_id = line.account_id
JOIN programme ON programme.programme_code = line.programme_code
WHERE account.changed_days < programme.account_change_days AND line.failed_fen IS NULL
