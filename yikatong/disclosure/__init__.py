"""公开公示: the redacted projection that the public may read (彭 四(五), 渡 四(六))."""
