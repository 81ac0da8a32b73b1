"""数据库的法: roles, grants, row policies, triggers and invariant views, applied after migrations.

One folder, on purpose: an auditor reads here what PostgreSQL itself refuses (trust.md §1, §2),
and a table without a policy or a grant without a line here does not exist.
"""
