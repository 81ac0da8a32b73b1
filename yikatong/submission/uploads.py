"""Uploaded files: kept whole, packed where that saves room, and encrypted; and opened again."""

from __future__ import annotations

import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection
from django.utils import timezone
from psycopg import Cursor

from yikatong.kernel.actor import Actor
from yikatong.submission.models import SourceFile
from yikatong.vault.access import the_vault

FIELD: Final = "upload.body"
# the quickest: what is encrypted and stored shrinks to a sixth, in less time than that takes
LEVEL: Final = 1
BLOCK: Final = 1 << 20
ZIP: Final = b"PK\x03\x04"
# the columns of a kept file, bytes as such and never as text
STORED: Final = {
    "county": "%s", "unit_no": "%s", "department_no": "%s", "name": "%s", "sm3": "%b",
    "sealed": "%b", "is_packed": "%s", "uploaded_by": "%s", "uploaded_at": "%s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as it is kept: the SM3 of what was uploaded, and its encrypted body."""

    sm3: bytes
    is_packed: bool
    body: bytes


def sealed(source: Path | bytes, *, county: str) -> Sealed:
    """Pack and encrypt a file, or its bytes. Asks no database: a thread may do it while another
    reads the same file, which is never held whole here.
    """
    digest, packer = hashlib.new("sm3"), zlib.compressobj(LEVEL)
    parts, size, is_zip = [], 0, False
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        while block := stream.read(BLOCK):
            # an .xlsx is packed already: to try once more takes longer than to encrypt it
            is_zip = is_zip or (size == 0 and block.startswith(ZIP))
            digest.update(block)
            size += len(block)
            if not is_zip:
                parts.append(packer.compress(block))
    packed = b"".join((*parts, packer.flush()))
    is_packed = not is_zip and len(packed) < size
    plain = packed if is_packed else source if isinstance(source, bytes) else source.read_bytes()
    body = the_vault().encrypt(plain, county=county, field=FIELD)
    return Sealed(digest.digest(), is_packed, body)


def keep_file(
    *, name: str, file: Sealed, unit_no: int, department_no: int | None, actor: Actor
) -> SourceFile:
    """Store an upload whole and encrypted, before anything of it is stored."""
    kept = SourceFile(
        county=actor.scope.county,
        unit_no=unit_no,
        department_no=department_no,
        name=name[-200:],
        sm3=file.sm3,
        is_packed=file.is_packed,
        sealed=file.body,
        uploaded_by=actor.username,
        uploaded_at=timezone.now(),
    )
    # bound by the server: Django would write the body into the statement as text, of twice its size
    with (
        connection.wrap_database_errors,
        connection.cursor() as opened,
        Cursor(opened.connection) as cursor,
    ):
        cursor.execute(
            f"INSERT INTO submission_sourcefile ({', '.join(STORED)})"  # noqa: S608 - names of our own
            f" VALUES ({', '.join(STORED.values())}) RETURNING id",
            [getattr(kept, name) for name in STORED],
        )
        (kept.pk,) = cursor.fetchall()[0]
    return kept


def content_of_file(file: SourceFile) -> bytes:
    """The very bytes that were uploaded. Raises Unreadable where they were changed since."""
    content = the_vault().decrypt(bytes(file.sealed), county=file.county, field=FIELD)
    return zlib.decompress(content) if file.is_packed else content
