"""Uploaded files: kept whole, packed where that saves room, and encrypted; and opened again."""

from __future__ import annotations

import zlib
from typing import Final

from django.utils import timezone

from yikatong.kernel.actor import Actor
from yikatong.kernel.digest import sm3
from yikatong.submission.models import SourceFile
from yikatong.vault.access import the_vault

FIELD: Final = "upload.body"
# the quickest: what is encrypted and stored shrinks to a sixth, in less time than that takes
LEVEL: Final = 1


def keep_file(
    *, name: str, content: bytes, unit_no: int, department_no: int | None, actor: Actor
) -> SourceFile:
    """Store an upload whole and encrypted, before anything reads it."""
    county = actor.scope.county
    packed = zlib.compress(content, LEVEL)
    is_packed = len(packed) < len(content)
    return SourceFile.objects.create(
        county=county,
        unit_no=unit_no,
        department_no=department_no,
        name=name[-200:],
        sm3=sm3(content),
        is_packed=is_packed,
        sealed=the_vault().encrypt(packed if is_packed else content, county=county, field=FIELD),
        uploaded_by=actor.username,
        uploaded_at=timezone.now(),
    )


def content_of_file(file: SourceFile) -> bytes:
    """The very bytes that were uploaded. Raises Unreadable where they were changed since."""
    content = the_vault().decrypt(bytes(file.sealed), county=file.county, field=FIELD)
    return zlib.decompress(content) if file.is_packed else content
