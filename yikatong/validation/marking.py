"""The user's own workbook back, with what was found written into it (screens.md §7)."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Final

from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from yikatong.kernel.errors import Refused
from yikatong.validation.rules import BLOCK, CONFIRM, SEVERITY_WORD, FoundRow, Report

RED: Final = PatternFill("solid", fgColor="FDECEB")
YELLOW: Final = PatternFill("solid", fgColor="FFF3DC")
COLUMNS: Final = ("错误说明（系统填写）", "处理建议")
SUMMARY: Final = "错误汇总"
ADVICE: Final = {BLOCK: "更正后重新导入", CONFIRM: "核实后在系统中写明理由"}
MOST_ROWS: Final = 20_000
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def write_marked(content: bytes, name: str, report: Report, target: Path) -> None:
    """Write `target` (.xlsx): the own file for an .xlsx of up to 20,000 rows, else a fresh list.

    Raises:
        Refused: the target cannot be written.
    """
    if target.suffix.lower() != ".xlsx":
        raise Refused("标注后的工作簿请用 .xlsx 作扩展名。")
    if name.lower().endswith(".xlsx") and report.rows <= MOST_ROWS:
        book = load_workbook(io.BytesIO(content))
        _mark(book.worksheets[0], report)
    else:
        book = Workbook()
        book.remove(book.worksheets[0])
    _summarise(book, report)
    try:
        book.save(target)
    except OSError as error:
        raise Refused(f"写不了 {target}（{error.strerror}）。") from None


def _mark(sheet: Worksheet, report: Report) -> None:
    by_row: dict[int, list[FoundRow]] = {}
    for finding in report.findings:
        if finding.row > 0:
            by_row.setdefault(finding.row, []).append(finding)
    free = sheet.max_column + 1
    header = max(min(by_row, default=2) - 1, 1)
    for offset, title in enumerate(COLUMNS):
        sheet.cell(header, free + offset, title)
    for row, findings in by_row.items():
        worst = next((s for s in (BLOCK, CONFIRM) if any(f.severity == s for f in findings)), "")
        cell = sheet.cell(row, free, _safe("；".join(f.message for f in findings)))
        sheet.cell(row, free + 1, ADVICE.get(worst, ""))
        if worst:
            first, fill = sheet.cell(row, 1), RED if worst == BLOCK else YELLOW
            cell.fill = fill
            first.fill = fill
            first.comment = Comment(findings[0].message, "一卡通")


def _summarise(book: Workbook, report: Report) -> None:
    sheet = book.create_sheet(SUMMARY)
    sheet.append(
        [
            "共",
            report.rows,
            "通过",
            report.passed,
            "错误",
            report.blocked,
            "待核",
            report.to_confirm,
        ]
    )
    counts = Counter((finding.rule, finding.severity) for finding in report.findings)
    sheet.append(["规则", "严重程度", "条数"])
    for (rule, severity), times in sorted(counts.items()):
        sheet.append([rule, SEVERITY_WORD[severity], times])
    sheet.append([])
    sheet.append(["行号", "规则", "严重程度", "说明"])
    for finding in report.findings:
        sheet.append(
            [finding.row, finding.rule, SEVERITY_WORD[finding.severity], _safe(finding.message)]
        )


def _safe(text: str) -> str:
    """A sentence never starts a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
