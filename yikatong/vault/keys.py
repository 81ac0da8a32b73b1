"""密钥环: the data keys and index keys of a home, in one file that nobody else may read.

A data key belongs to a county and a data class and has a number (`kid`) of its own in the whole
ring; rotation adds a key and forgets none, so what was written before stays readable.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from yikatong.kernel.errors import Refused

FILE_NAME: Final = "keys.json"
FORMAT: Final = 1
DATA_KEY_BYTES: Final = 16
INDEX_KEY_BYTES: Final = 32
MOST_KID: Final = 2**32 - 1
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class DataClass(StrEnum):
    """What a data key protects. The class follows from the field's table."""

    PERSON = "person"
    ACCOUNT = "account"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class DataKey:
    kid: int
    county: str
    data_class: DataClass
    secret: bytes

    def __repr__(self) -> str:
        return f"DataKey(kid={self.kid}, county={self.county}, data_class={self.data_class})"


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """All keys of a home. Frozen: `rotate` and `with_county` write the file and give a new ring.

    `repr` shows no key.
    """

    path: Path
    keys: tuple[DataKey, ...]
    index_keys: tuple[tuple[str, bytes], ...]

    @classmethod
    def open(cls, path: Path | str) -> KeyRing:
        """Read `keys.json` of the keys directory `path`.

        Raises:
            Refused: there is none, others may read it, or it is not a key file.
        """
        file = Path(path) / FILE_NAME
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise Refused(f"读不到密钥文件（{error.strerror}）。请先运行 ./ykt init。") from None
        with os.fdopen(descriptor, "rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            if mode & _OTHERS:
                raise Refused(
                    f"密钥文件的权限是 {mode:04o}，其他用户也能读取。"
                    "请改为 0600，并核实密钥没有外泄后再启动。"
                )
            return _parsed(Path(path), stream.read())

    @classmethod
    def create(cls, path: Path | str, counties: Iterable[str]) -> KeyRing:
        """Make the directory (0700) and the file (0600) with fresh keys for these counties.

        Raises:
            Refused: there is a key file already. It is never overwritten.
        """
        directory = Path(path)
        if (directory / FILE_NAME).exists():
            raise Refused("密钥文件已存在，不会覆盖：覆盖后原有密文将无法读取。")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ring = cls(directory, (), ())
        for county in counties:
            ring = _extended(ring, county)
        _save(ring)
        return ring

    @property
    def counties(self) -> tuple[str, ...]:
        return tuple(county for county, _ in self.index_keys)

    def current(self, county: str, data_class: DataClass) -> DataKey:
        """The key that new values are encrypted with: the latest of its kind."""
        for key in reversed(self.keys):
            if key.county == county and key.data_class == data_class:
                return key
        raise Refused(f"没有 {county} 的数据密钥，请系统管理员核对密钥文件。")

    def by_kid(self, kid: int) -> DataKey:
        for key in self.keys:
            if key.kid == kid:
                return key
        raise Refused(f"密钥文件中没有 {kid} 号密钥，这份数据无法读取。请核对密钥备份。")

    def index_key(self, county: str) -> bytes:
        for known, secret in self.index_keys:
            if known == county:
                return secret
        raise Refused(f"没有 {county} 的索引密钥，请系统管理员核对密钥文件。")

    def rotate(self, county: str, data_class: DataClass) -> KeyRing:
        """Add a new key for new values; the old ones stay readable. Index keys do not rotate here:
        that means to compute every blind index anew.
        """
        self.current(county, data_class)
        ring = replace(self, keys=(*self.keys, _fresh(self, county, data_class)))
        _save(ring)
        return ring

    def with_county(self, county: str) -> KeyRing:
        """The ring with keys for one more county, saved; unchanged if it has them."""
        if county in self.counties:
            return self
        ring = _extended(self, county)
        _save(ring)
        return ring

    def __repr__(self) -> str:
        return f"KeyRing({len(self.keys)} keys, counties={self.counties})"


def _extended(ring: KeyRing, county: str) -> KeyRing:
    ring = replace(
        ring,
        index_keys=(*ring.index_keys, (county, secrets.token_bytes(INDEX_KEY_BYTES))),
    )
    for data_class in DataClass:
        ring = replace(ring, keys=(*ring.keys, _fresh(ring, county, data_class)))
    return ring


def _fresh(ring: KeyRing, county: str, data_class: DataClass) -> DataKey:
    kid = max((key.kid for key in ring.keys), default=0) + 1
    if kid > MOST_KID:
        raise Refused("密钥编号已用完。")
    return DataKey(kid, county, data_class, secrets.token_bytes(DATA_KEY_BYTES))


def _save(ring: KeyRing) -> None:
    """Atomically: a new file beside the old, on disk before it takes the name."""
    content = {
        "format": FORMAT,
        "keys": [
            {
                "kid": key.kid,
                "county": key.county,
                "data_class": key.data_class.value,
                "secret": base64.b64encode(key.secret).decode(),
            }
            for key in ring.keys
        ],
        "index_keys": {c: base64.b64encode(s).decode() for c, s in ring.index_keys},
    }
    fresh = ring.path / f".{FILE_NAME}.{secrets.token_hex(4)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(json.dumps(content, indent=1).encode())
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(ring.path / FILE_NAME)
    directory = os.open(ring.path, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def _parsed(path: Path, content: bytes) -> KeyRing:
    try:
        facts = json.loads(content)
        keys = tuple(
            DataKey(
                int(entry["kid"]),
                str(entry["county"]),
                DataClass(entry["data_class"]),
                base64.b64decode(entry["secret"], validate=True),
            )
            for entry in facts["keys"]
        )
        index_keys = tuple(
            (str(county), base64.b64decode(secret, validate=True))
            for county, secret in facts["index_keys"].items()
        )
        is_known = facts["format"] == FORMAT
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error):
        raise Refused("密钥文件已损坏，请从备份恢复。") from None
    lengths_hold = all(len(key.secret) == DATA_KEY_BYTES for key in keys) and all(
        len(secret) == INDEX_KEY_BYTES for _, secret in index_keys
    )
    kids = [key.kid for key in keys]
    if not (is_known and lengths_hold and kids == sorted(set(kids))):
        raise Refused("密钥文件已损坏或版本不符，请从备份恢复。")
    return KeyRing(path, keys, index_keys)
