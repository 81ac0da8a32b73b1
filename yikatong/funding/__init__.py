"""拨款申请: requests to the treasury and what it confirmed (彭 四(三), 渡 四(四))."""
