"""样例数据: made-up people of a county and the real spreadsheets that carry them.

Nobody here exists. Ids use the sequence numbers 900 to 999 only, phones the segment 154 that no
carrier has been given, cards count up within a prefix; every file says 样例数据 (彭水 五(六):
training with made-up people).
"""
