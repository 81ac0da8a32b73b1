"""对外连接: banks and the budget system; formats and codes, never when to speak."""
