"""Reads a clerk's spreadsheet: the one way in for files from outside.

Text and small, plain workbooks are read here. Every other workbook is read by a child process with
limits of its own, which starts while the file is still being examined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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
    unchanged,
    workbook_sheets,
)
from yikatong.submission.sheets_forms import Form
from yikatong.submission.sheets_header import NO_MAPPING, MissingColumns
from yikatong.submission.sheets_meaning import Notice, Sheet, understood
from yikatong.submission.sheets_package import SMALL_INSIDE, Package, check_package
from yikatong.submission.sheets_tails import Totals
from yikatong.submission.sheets_unread import SHOWN

__all__ = ["MissingColumns", "Notice", "Sheet", "Totals", "read_sheet"]

SMALL_FILE: Final = 1 << 20


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
    with unchanged(source):
        return _read(source, form, name=name, limits=limits, mapping=mapping)


def _read(
    source: Path | bytes,
    form: Form,
    *,
    name: str | None,
    limits: Limits,
    mapping: Mapping[str, str],
) -> Sheet:
    file_name = name or (source.name if isinstance(source, Path) else "")
    content = content_of(source, limits)
    kind = kind_of(content, file_name)
    if kind == "text":
        return understood(text_sheets(content, limits), form, mapping=mapping)
    if kind == "xlsx" and len(content) <= SMALL_FILE:
        package = check_package(content, limits)
        if package.inflated <= SMALL_INSIDE and package.every_cell_placed:
            sheet = understood(workbook_sheets(content, limits), form, mapping=mapping)
            return _telling(sheet, package)
        with Child() as child:
            return _telling(child.read(content, form, limits, mapping=mapping), package)
    with Child() as child:
        if kind != "xlsx":
            check_old_workbook(content)
            return child.read(content, form, limits, mapping=mapping)
        # read while it is looked through: what is refused takes the child and all that it read with
        # it. A large list is read from the disk by both, and held by neither
        is_there = isinstance(source, Path) and source.suffix.lower() == ".xlsx"
        opened = source if is_there else content
        del content
        child.ask(opened, form, limits, mapping=mapping)
        package = check_package(opened, limits)
        return _telling(child.answer(), package)


def _telling(sheet: Sheet, package: Package) -> Sheet:
    """What holds something that no reader can read is taken as blank, and what the person does not
    see is read: neither is ever silent.
    """
    told = (
        (package.errors, "个单元格是错误值（如 #N/A、#REF!）", "请改正后重新上传。"),
        (package.unsolved, "个公式没有保存计算结果",
         "请在 Excel 或 WPS 里打开，重新计算后保存，或粘贴为数值，再重新上传。"),
    )  # fmt: skip
    notices = []
    for cells, what, todo in told:
        if cells.count:
            where = cells.where(sheet.name)
            sentence = f"工作簿里有 {cells.count} {what}，都按空白读取"
            sentence += f"：{where}。{todo}" if where else f"。{todo}"
            notices.append(Notice(None, "", "ER-1", "info", sentence))
    rows = sheet.frame["row"]
    hidden = rows.filter(rows.is_in([*package.hidden.get(sheet.name, ())]))
    if len(hidden):
        shown = "、".join(map(str, hidden.head(SHOWN))) + (
            " 行等" if len(hidden) > SHOWN else " 行"
        )
        notices.append(
            Notice(
                None, "", "HR-1", "info",
                f"名单里有 {len(hidden)} 行在工作表里是隐藏的或被筛选掉的（第 {shown}），"
                "照样读取了。不该发放的请整行删除后重新上传。",
            )
        )  # fmt: skip
    return replace(sheet, notices=(*sheet.notices, *notices))
