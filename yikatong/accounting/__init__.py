"""会计核算: drafts of payment vouchers (财会〔2017〕25号)."""
