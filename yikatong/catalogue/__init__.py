"""清单: the yearly list of programmes, dated standards, relations (渡财发〔2022〕32号 附件1)."""
