"""队列: outbox, inbox and what was set aside; the queue itself is procrastinate."""
