"""清单: the county's yearly list of programmes, their dated standards and relations (渡财发〔2022〕32号 附件1)."""
