"""发放: bank shares, payments, instructions, stops; the view `paid` (彭 四(三), 渡 四(四))."""
