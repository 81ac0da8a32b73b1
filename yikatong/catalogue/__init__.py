"""清单: programmes, standards, periods, legal basis and relations, by county and year.

清单内资金均通过系统集中统一发放: 彭水方案 二, 大渡口方案 二;
the 18 items of 渡财发〔2022〕32号 附件1.
"""
