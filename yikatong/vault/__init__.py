"""密钥与密文: keys, ciphertext fields, blind indexes.

数据安全与个人隐私: 彭水方案六(二), 大渡口方案六(四).

The drivers here are software: 非密评. Production passes 密评 only with certified devices behind
the same calls.
"""
