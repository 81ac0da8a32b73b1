"""密钥与密文: keys, ciphertext fields, and the crypto port of the wire."""
