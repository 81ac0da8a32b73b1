"""Reads a clerk's spreadsheet: the one way in for files from outside.

Text and small, plain workbooks are read here. Every other workbook is read by a child process with
limits of its own, which starts while the file is still being examined.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from yikatong.submission.sheets_apart import Child
from yikatong.submission.sheets_door import (
    WEB,
    Limits,
    check_old_workbook,
    content_of,
    kind_of,
    text_sheets,
    workbook_sheets,
)
from yikatong.submission.sheets_forms import Form
from yikatong.submission.sheets_header import NO_MAPPING
from yikatong.submission.sheets_meaning import MissingColumns, Notice, Sheet, Totals, understood
from yikatong.submission.sheets_package import check_package

__all__ = ["MissingColumns", "Notice", "Sheet", "Totals", "read_sheet"]

SMALL_FILE: Final = 1 << 20
SMALL_INSIDE: Final = 12 << 20


def read_sheet(
    source: Path | bytes,
    form: Form,
    *,
    name: str | None = None,
    limits: Limits = WEB,
    mapping: Mapping[str, str] = NO_MAPPING,
) -> Sheet:
    """Read the first visible sheet that has this form's header.

    Args:
        source: the file, or its bytes.
        name: the file's name as the user gave it; needed with bytes.
        mapping: the user's own header → field, where a person has said so.

    Raises:
        Refused: unreadable, unsafe or empty file; no header; or MissingColumns, where a required
            column is missing.
    """
    file_name = name or (source.name if isinstance(source, Path) else "")
    content = content_of(source, limits)
    kind = kind_of(content, file_name)
    if kind == "text":
        return understood(text_sheets(content, limits), form, mapping=mapping)
    if kind == "xlsx" and len(content) <= SMALL_FILE:
        package = check_package(content, limits)
        if package.inflated <= SMALL_INSIDE and package.every_cell_placed:
            return understood(workbook_sheets(content, limits), form, mapping=mapping)
        with Child() as child:
            return child.read(content, form, limits, mapping=mapping)
    with Child() as child:
        if kind == "xlsx":
            check_package(content, limits)
        else:
            check_old_workbook(content)
        return child.read(content, form, limits, mapping=mapping)
