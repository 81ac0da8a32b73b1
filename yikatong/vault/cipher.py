"""SM4-GCM for values and files, HMAC-SM3 for blind indexes (GB/T 32907, 32905; RFC 8998).

A stored value is `v1 | kid | nonce | ciphertext | tag`: 1 + 4 + 12 + n + 16 bytes. The field's name
(table.column), the county and the kid are bound to it as additional data: a ciphertext copied into
another column or county does not open.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.vault.keys import DataClass, DataKey, KeyRing

VERSION: Final = b"\x01"
KID_BYTES: Final = 4
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEAD_BYTES: Final = len(VERSION) + KID_BYTES + NONCE_BYTES
OVERHEAD: Final = HEAD_BYTES + TAG_BYTES
BLOCK: Final = 1 << 20
SM3_BLOCK: Final = 64
ACCOUNT_TABLES: Final = frozenset(
    {"account", "account_change", "card_account", "card_account_version"}
)
FILE_TABLES: Final = frozenset({"file", "attachment", "upload"})


class Unreadable(Exception):
    """A stored ciphertext does not open: changed, moved or cut. Never a user's fault."""


class Vault:
    """Encrypts, decrypts and indexes with the keys of one ring. Needs no Django.

    Raises:
        Refused: this Python's OpenSSL lacks SM3 or SM4, or computes them wrongly.
    """

    def __init__(self, ring: KeyRing) -> None:
        self_test()
        self._ring = ring
        # keyed once per county and kind, copied for each value: 2.2 × the one-shot speed
        self._keyed: dict[tuple[str, str], tuple[hashlib._Hash, hashlib._Hash]] = {}

    @classmethod
    def open(cls, path: Path | str) -> Vault:
        """The vault over the keys directory `path`."""
        return cls(KeyRing.open(path))

    @property
    def ring(self) -> KeyRing:
        return self._ring

    def encrypt(self, plain: bytes, *, county: str, field: str) -> bytes:
        """One value. `field` is table.column."""
        return self.encrypt_many((plain,), county=county, field=field)[0]

    def encrypt_many(self, plains: Iterable[bytes], *, county: str, field: str) -> list[bytes]:
        """In the same order, each with a nonce of its own."""
        values = list(plains)
        key = self._ring.current(county, class_of(field))
        associated = _associated(key, field)
        head = VERSION + key.kid.to_bytes(KID_BYTES)
        algorithm = SM4(key.secret)
        nonces = os.urandom(NONCE_BYTES * len(values))
        stored = []
        for place, plain in enumerate(values):
            nonce = nonces[place * NONCE_BYTES : (place + 1) * NONCE_BYTES]
            encryptor = Cipher(algorithm, GCM(nonce)).encryptor()
            encryptor.authenticate_additional_data(associated)
            text = encryptor.update(plain) + encryptor.finalize()
            stored.append(b"".join((head, nonce, text, encryptor.tag)))
        return stored

    def decrypt(self, stored: bytes, *, county: str, field: str) -> bytes:
        """Raises Unreadable when the value was changed, moved or belongs to another county."""
        return self.decrypt_many((stored,), county=county, field=field)[0]

    def decrypt_many(
        self, stored: Iterable[bytes | memoryview], *, county: str, field: str
    ) -> list[bytes]:
        """In the same order; keys of several ages may be mixed."""
        opened: dict[int, _Opened] = {}
        plains = []
        for value in stored:
            whole = bytes(value)
            kid = kid_of(whole)
            key = opened.get(kid) or opened.setdefault(kid, self._key_for(kid, county, field))
            mode = GCM(whole[HEAD_BYTES - NONCE_BYTES : HEAD_BYTES], whole[-TAG_BYTES:])
            decryptor = Cipher(key.algorithm, mode).decryptor()
            decryptor.authenticate_additional_data(key.associated)
            try:
                plains.append(decryptor.update(whole[HEAD_BYTES:-TAG_BYTES]) + decryptor.finalize())
            except InvalidTag:
                raise Unreadable(f"{field} 的密文校验失败，数据可能被改动。") from None
        return plains

    def blind_index(self, county: str, normalised: str, *, kind: str = "id") -> bytes:
        """32 bytes by which equal values are found without opening them.

        Args:
            normalised: as `resident_id.normalised_id` or `card.normalised_account` give it.
            kind: what the value is (`id`, `card`): equal digits of two kinds never meet.
        """
        return self.blind_indexes(county, (normalised,), kind=kind)[0]

    def blind_indexes(
        self, county: str, normalised: Iterable[str], *, kind: str = "id"
    ) -> list[bytes]:
        """In the same order."""
        inner, outer = self._keyed.get((county, kind)) or self._keyed.setdefault(
            (county, kind), _keyed_halves(self._ring.index_key(county), kind.encode() + b"\0")
        )
        found = []
        for text in normalised:
            hidden = inner.copy()
            hidden.update(text.encode())
            running = outer.copy()
            running.update(hidden.digest())
            found.append(running.digest())
        return found

    def blind_indexes_or_none(
        self, county: str, normalised: Sequence[str | None], *, kind: str = "id"
    ) -> list[bytes | None]:
        """As `blind_indexes`, None staying None: the shape of a column."""
        present = self.blind_indexes(county, (t for t in normalised if t is not None), kind=kind)
        following = iter(present)
        return [None if text is None else next(following) for text in normalised]

    def seal_file(
        self, source: Path, target: Path, *, county: str, field: str = "file.body"
    ) -> int:
        """Encrypt a whole file as one block, in steps of 1 MiB; `target` must not exist yet (0600).

        Returns the number of bytes read.
        """
        key = self._ring.current(county, class_of(field))
        nonce = os.urandom(NONCE_BYTES)
        encryptor = Cipher(SM4(key.secret), GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(_associated(key, field))
        read = 0
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as out, source.open("rb") as plain:
            out.write(VERSION + key.kid.to_bytes(KID_BYTES) + nonce)
            while block := plain.read(BLOCK):
                read += len(block)
                out.write(encryptor.update(block))
            out.write(encryptor.finalize() + encryptor.tag)
            out.flush()
            os.fsync(out.fileno())
        return read

    def open_file(self, source: Path, *, county: str, field: str = "file.body") -> bytes:
        """The plain content of a sealed file; nothing is given before the tag was checked."""
        return self.decrypt(source.read_bytes(), county=county, field=field)

    def _key_for(self, kid: int, county: str, field: str) -> _Opened:
        key = self._ring.by_kid(kid)
        if key.county != county or key.data_class != class_of(field):
            raise Unreadable(f"{field} 的密文不属于 {county}，数据可能被移动。")
        return _Opened(SM4(key.secret), _associated(key, field))


class _Opened(NamedTuple):
    algorithm: SM4
    associated: bytes


def class_of(field: str) -> DataClass:
    """The data class of table.column: accounts and files have keys of their own."""
    table, dot, column = field.partition(".")
    if not (table and dot and column):
        raise ValueError(f"a field is written table.column, not {field!r}")
    if table in FILE_TABLES:
        return DataClass.FILE
    return DataClass.ACCOUNT if table in ACCOUNT_TABLES else DataClass.PERSON


def self_test() -> None:
    """The vectors of GB/T 32905 and RFC 8998. Raises Refused when this machine cannot compute."""
    # GB/T 32905 appendix A.1; RFC 8998 appendix A.1
    try:
        digest = sm3(b"abc")
        encryptor = Cipher(
            SM4(bytes.fromhex("0123456789abcdeffedcba9876543210")),
            GCM(bytes.fromhex("00001234567800000000abcd")),
        ).encryptor()
        encryptor.authenticate_additional_data(
            bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        )
        plain = b"".join(bytes([byte]) * 8 for byte in bytes.fromhex("aabbccddeeffeeaa"))
        encryptor.update(plain)
        encryptor.finalize()
        tag = encryptor.tag
    except (ValueError, UnsupportedAlgorithm):
        raise Refused("本机的 OpenSSL 不支持国密 SM3/SM4，请更换 Python 或 OpenSSL。") from None
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    if digest.hex() != expected or tag.hex() != "83de3541e4c2b58177e065a9bf7b62ec":
        raise Refused("国密算法自检不通过，系统拒绝启动。请核对 OpenSSL。")


def _keyed_halves(key: bytes, start: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """The two halves of HMAC-SM3 (RFC 2104) after key and `start`: copying them for every value is
    a third faster than copying an `hmac` object.
    """
    block = (key if len(key) <= SM3_BLOCK else hashlib.new("sm3", key).digest()).ljust(
        SM3_BLOCK, b"\0"
    )
    inner = hashlib.new("sm3", bytes(byte ^ 0x36 for byte in block) + start)
    return inner, hashlib.new("sm3", bytes(byte ^ 0x5C for byte in block))


def _associated(key: DataKey, field: str) -> bytes:
    return f"{field}|{key.county}|{key.kid}".encode()


def kid_of(stored: bytes) -> int:
    """Which key a value was written with; rotation asks. Raises Unreadable."""
    if len(stored) < OVERHEAD or stored[:1] != VERSION:
        raise Unreadable("密文格式不符，数据可能被截断。")
    return int.from_bytes(stored[1 : 1 + KID_BYTES])
