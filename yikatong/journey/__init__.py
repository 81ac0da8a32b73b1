"""★ 办理流程: one table per county, and the one `advance` that writes a batch's status."""
