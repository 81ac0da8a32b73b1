"""Programs that play the bank and the budget system. They never import `yikatong`."""
