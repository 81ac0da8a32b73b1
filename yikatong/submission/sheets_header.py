"""Finds the header of a form: under title rows, over one row or two, by what people write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from yikatong.submission.sheets_door import Cell
from yikatong.submission.sheets_forms import OURS, PERSON_ID, PERSON_NAME, Field, Form, header_keys

SEARCHED_ROWS: Final = 10
FEWEST_FIELDS: Final = 2


@dataclass(frozen=True, slots=True)
class Header:
    """`last` is the index (from 0) of the header's last row, `columns` field → column index.

    `unknown` and `repeated` are the user's own words for columns that are not used.
    """

    last: int
    columns: dict[str, int]
    labels: dict[str, str]
    unknown: tuple[str, ...]
    repeated: tuple[str, ...]


def find_header(rows: Sequence[Sequence[Cell]], form: Form) -> Header | None:
    """The best header in the first ten rows: the most fields, then the fewest rows."""
    known = form.by_header
    texts = [_texts(row) for row in rows[: SEARCHED_ROWS + 1]]
    candidates = [
        _matched(at, [[text] for text in row], form, known)
        for at, row in enumerate(texts[:SEARCHED_ROWS])
    ]
    candidates += [
        _matched(at, _two_rows(texts[at - 1], texts[at]), form, known)
        for at in range(1, len(texts))
    ]
    best = max(candidates, key=lambda header: len(header.columns), default=None)
    return best if best is not None and len(best.columns) >= FEWEST_FIELDS else None


def missing_columns(header: Header, form: Form) -> list[str]:
    """The Chinese words of required columns that the sheet lacks."""
    return [
        form.field(name).word
        for name in form.required
        if not any(column in header.columns for column in _stand_ins(name, form))
    ]


def _stand_ins(name: str, form: Form) -> list[str]:
    """A person may be named by any of the parties; every other column only by itself."""
    if name not in {PERSON_NAME, PERSON_ID}:
        return [name]
    tail = name.removeprefix("person_")
    parties = [f"{prefix}_{tail}" for prefix in form.person]
    return [name, *parties, f"head_{tail}"] if form.code == "disbursement" else [name, *parties]


def _texts(row: Sequence[Cell]) -> list[str]:
    return [cell.strip() if isinstance(cell, str) else "" for cell in row]


def _two_rows(top: list[str], bottom: list[str]) -> list[list[str]]:
    """For each column what a merged header may say: both rows, the lower, the upper.

    A title above is filled to the right over the columns that its merge covered.
    """
    width = max(len(top), len(bottom))
    top = [*top, *[""] * (width - len(top))]
    bottom = [*bottom, *[""] * (width - len(bottom))]
    filled: list[str] = []
    for upper, lower in zip(top, bottom, strict=True):
        carried = filled[-1] if filled and not upper and lower else upper
        filled.append(carried)
    return [
        [text for text in (upper + lower, lower, upper) if text] or [""]
        for upper, lower in zip(filled, bottom, strict=True)
    ]


def _matched(last: int, choices: list[list[str]], form: Form, known: dict[str, Field]) -> Header:
    columns: dict[str, int] = {}
    labels: dict[str, str] = {}
    unknown: list[str] = []
    repeated: list[str] = []
    for place, texts in enumerate(choices):
        label = texts[len(texts) // 2]
        if not texts[0]:
            continue
        field, found = _field_of(texts, known)
        if field is None:
            keys = [key for text in texts for key in header_keys(text)]
            if not any(key in form.aside or key in OURS for key in keys):
                unknown.append(label)
        elif field.name in columns:
            repeated.append(label)
        else:
            columns[field.name] = place
            labels[field.name] = found
    return Header(last, columns, labels, tuple(unknown), tuple(repeated))


def _field_of(texts: list[str], known: dict[str, Field]) -> tuple[Field | None, str]:
    for text in texts:
        for key in header_keys(text):
            if key in known:
                return known[key], text
    return None, ""
