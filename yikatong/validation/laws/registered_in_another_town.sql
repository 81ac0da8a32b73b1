-- code: RG-2
-- 名称: 登记在其他镇街
-- severity: info
-- basis: 彭水方案 五(四)；渡财发〔2022〕32号 五(四)；两地户籍、承包地不在一处的可以有（待核）
-- fixes: 镇街
-- field: beneficiary_id
-- message: 享受人登记在{town_name}，不在编制单位。请与{town_name}核对由哪一方申报，避免两边都报。
-- example: 享受人登记在保家镇，不在编制单位。请与保家镇核对由哪一方申报，避免两边都报。
-- the owning town's name and nothing else of it, neither village nor household nor batch of another unit.
-- a department's list is of the whole county, so there is no drafting town then
SELECT line.line_id, town.town_name FROM line
JOIN town AS drafting ON drafting.is_drafting
JOIN town ON line.village_no BETWEEN town.unit_no AND town.unit_hi AND NOT town.is_drafting
