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
-- the villages of a list are few: which of them lie elsewhere is asked once, not for every line
WITH elsewhere AS (
  SELECT village.village_no, town.town_name FROM (SELECT DISTINCT line.village_no FROM line) AS village
  JOIN town AS drafting ON drafting.is_drafting
    AND (village.village_no < drafting.unit_no OR village.village_no > drafting.unit_hi)
  JOIN town ON village.village_no BETWEEN town.unit_no AND town.unit_hi
)
SELECT line.line_id, elsewhere.town_name FROM line
JOIN elsewhere ON elsewhere.village_no = line.village_no
