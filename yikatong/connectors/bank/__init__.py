"""代发银行 (BCP v1, FILE binding): frozen messages, reason codes, signed files, SFTP."""
