"""公开查询: what citizens see; reads disclosure and catalogue."""
