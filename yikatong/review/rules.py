"""What finance may say: pass, or return with a reason. There is no third."""

from yikatong.submission.rules import Decision

__all__ = ["Decision"]
