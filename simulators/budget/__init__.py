"""The budget system of a county: indicators, applications, vouchers, refunds."""
