"""SM3 (GB/T 32905—2016), the only digest of this house. A digest has no key."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

DIGEST_BYTES = 32
GENESIS = bytes(DIGEST_BYTES)


def sm3(data: bytes) -> bytes:
    """32 bytes. Raises ValueError where Python's OpenSSL was built without SM3."""
    return hashlib.new("sm3", data).digest()


def canonical(value: Any) -> bytes:
    """One byte string per JSON value: sorted keys, no blanks, UTF-8. Floats are refused."""
    return json.dumps(
        value,
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
        default=_refuse,
    ).encode()


def of_digests(digests: Iterable[bytes]) -> bytes:
    """The digest of a set of lines: SM3 over their sorted digests, so their order is no matter."""
    running = hashlib.new("sm3")
    for digest in sorted(digests):
        running.update(digest)
    return running.digest()


def _refuse(value: Any) -> str:
    raise TypeError(f"{type(value).__name__} has no canonical form")
