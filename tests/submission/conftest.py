"""Real spreadsheets, made in memory."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import xlsxwriter

Rows = Sequence[Sequence[Any]]


def xlsx(*sheets: Rows) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        for rows in sheets:
            sheet = book.add_worksheet()
            for r, row in enumerate(rows):
                for c, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(r, c, value)
                    elif value is not None:
                        sheet.write(r, c, value)
    return out.getvalue()


def csv_text(rows: Rows) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


@pytest.fixture
def make_xlsx() -> Callable[..., bytes]:
    return xlsx


@pytest.fixture
def make_csv() -> Callable[[Rows], str]:
    return csv_text
