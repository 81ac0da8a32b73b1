-- code: AC-3
-- 名称: 按户发放的，收款人不是户主
-- severity: confirm
-- basis: 临河区财政局 2023-08-01（转）按户补贴发到户主的卡；青神县 2019；能否发给户内成员未见规定（待核）
-- fixes: 镇街
-- field: payee_name
-- message: 本项按户发放，应发到户主的一卡通；{what}。请更正收款人，或先更正登记；确应发给这一位的写明理由。
-- example: 本项按户发放，应发到户主的一卡通；收款人不是登记的户主。请更正收款人，或先更正登记；确应发给这一位的写明理由。
-- (payee_may_receive.sql blocks whoever is neither 户主 nor himself entitled nor a guardian)
SELECT line.line_id,
  CASE WHEN line.head_id IS NULL THEN '这一户没有登记户主' ELSE '收款人不是登记的户主' END AS what FROM line
WHERE line.is_household_item AND line.household_id IS NOT NULL AND line.payee_id IS NOT NULL
  AND (line.head_id IS NULL OR line.payee_id <> line.head_id)
  AND (line.payee_id = line.beneficiary_id OR line.payee_is_guardian)
