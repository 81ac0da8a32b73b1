"""Finds the header of a form: under title rows, over one row or two, by what people write."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets_cells import Cell, as_text
from yikatong.submission.sheets_forms import (
    OURS,
    PERSON_ID,
    PERSON_NAME,
    Field,
    Form,
    Kind,
    header_keys,
)

SEARCHED_ROWS: Final = 10
FEWEST_FIELDS: Final = 2
TEN_THOUSANDS: Final = "万元"
# no header says this, and a line does: a long number, a masked one, an amount
_OF_A_LINE: Final = re.compile(r"[0-9]{6}|\*{4}|^[-+￥¥]?[0-9][0-9,]*(?:\.[0-9]+)?元?$")
_YEAR: Final = re.compile(r"^20[0-9]{2}$")
# a title of the whole table: 单位：万元
_ALL_IN_TEN_THOUSANDS: Final = re.compile(r"单位:\s*(?:人民币)?万元")
# what stands below a header in some tables: units, and the numbers of the columns
_UNIT: Final = re.compile(r"^\(?(?:单位:)?(?:元|万元|亩|人|户|月|个月|台|间|次)(?:/\w+)?\)?$")
_PLACE: Final = re.compile(r"^\(?(?:[0-9]{1,2}|[甲乙丙丁戊])\)?(?:=[0-9()×xX*+\-/]+)?$")

# how a column was understood: by the form's own words; as a person said; only guessed, and
# therefore not used; said twice, the second is not used; known and of no use here; not at all
KNOWN: Final = "known"
TOLD: Final = "told"
GUESSED: Final = "guessed"
REPEATED: Final = "repeated"
ASIDE: Final = "aside"
UNKNOWN: Final = "unknown"
NO_MAPPING: Final[Mapping[str, str]] = MappingProxyType({})
SHORTEST_GUESS: Final = 2


@dataclass(frozen=True, slots=True)
class Mapped:
    """A column of the user's sheet: its place (from 0), header, and the field it was taken for.

    `field` is None where it was taken for nothing; of a guess it is what the guess is.
    """

    place: int
    label: str
    field: str | None
    how: str

    @property
    def is_used(self) -> bool:
        return self.field is not None and self.how in {KNOWN, TOLD}

    @property
    def is_sure(self) -> bool:
        return self.how != GUESSED


@dataclass(frozen=True, slots=True)
class Header:
    """`last` is the index (from 0) of the header's last row, `columns` field → column index.

    `ten_thousands` are the fields whose header says 万元.
    """

    last: int
    columns: dict[str, int]
    labels: dict[str, str]
    mapped: tuple[Mapped, ...]
    ten_thousands: frozenset[str]

    def called(self, how: str) -> list[str]:
        """The user's own words for the columns understood in this way."""
        return [column.label for column in self.mapped if column.how == how]


class MissingColumns(Refused):
    """A required column was not found, or two that differ were: what stands in the sheet, for a
    person to say which it is.

    `mapped` is every column of the best header found, `missing` the fields that it lacks.
    """

    def __init__(self, sentence: str, mapped: tuple[Mapped, ...], missing: tuple[str, ...]) -> None:
        super().__init__(sentence)
        self.mapped, self.missing = mapped, missing


def find_header(
    rows: Sequence[Sequence[Cell]], form: Form, mapping: Mapping[str, str] = NO_MAPPING
) -> Header | None:
    """The best header in the first ten rows: the most fields, then the fewest rows."""
    told = {key: name for label, name in mapping.items() for key in header_keys(label)[:1]}
    known = form.by_header
    texts = [_texts(row) for row in rows[: SEARCHED_ROWS + 1]]
    candidates = [
        _matched(at, [[text] for text in row], form, known, told)
        for at, row in enumerate(texts[:SEARCHED_ROWS])
    ]
    # a line that says 户主 in some column is no second row of the header
    is_line = [_is_line(row) for row in rows[: len(texts)]]
    candidates += [
        _matched(at, _two_rows(texts[at - 1], texts[at]), form, known, told)
        for at in range(1, len(texts))
        if not is_line[at]
    ]
    candidates += [
        _matched(at, _three_rows(*texts[at - 2 : at + 1]), form, known, told)
        for at in range(2, len(texts))
        if not any(is_line[at - 1 : at + 1])
    ]
    best = max(candidates, key=lambda header: len(header.columns), default=None)
    if best is None or len(best.columns) < FEWEST_FIELDS:
        return None
    if any(_ALL_IN_TEN_THOUSANDS.search(cell) for row in rows[: best.last] for cell in _shown(row)):
        large = {
            name
            for name, label in best.labels.items()
            if "元" not in label and (form.field(name).kind is Kind.MONEY or name == "standard")
        }
        best = replace(best, ten_thousands=best.ten_thousands | large)
    for row in rows[best.last + 1 :]:
        below = dict(enumerate(_shown(row)))
        if not _is_caption(below, best):
            break
        large = {n for n, at in best.columns.items() if TEN_THOUSANDS in below.get(at, "")}
        best = replace(best, last=best.last + 1, ten_thousands=best.ten_thousands | large)
    return best


def _is_caption(below: Mapping[int, str], header: Header) -> bool:
    """Is the row below the header none of the list's lines: units or column numbers, and so under
    the person's number too.
    """
    filled = [text for text in below.values() if text]
    ids = [below.get(at, "") for name, at in header.columns.items() if name.endswith("_id")]
    if all(map(_UNIT.match, filled)):
        return bool(filled) and not any(ids)
    is_numbered = all(_PLACE.match(text) or _UNIT.match(text) for text in filled)
    return is_numbered and all(map(_PLACE.match, ids))


def _shown(row: Sequence[Cell]) -> list[str]:
    return [unicodedata.normalize("NFKC", as_text(cell) or "").strip() for cell in row]


def missing_columns(header: Header, form: Form) -> list[str]:
    """The required fields that the sheet lacks."""
    return [
        name
        for name in form.required
        if not any(column in header.columns for column in stand_ins(name, form))
    ]


def stand_ins(name: str, form: Form) -> list[str]:
    """A person may be named by any of the parties; every other column only by itself."""
    if name not in {PERSON_NAME, PERSON_ID}:
        return [name]
    tail = name.removeprefix("person_")
    parties = [f"{prefix}_{tail}" for prefix in form.person]
    return [name, *parties, f"head_{tail}"] if form.code == "disbursement" else [name, *parties]


def _is_line(row: Sequence[Cell]) -> bool:
    return any(_OF_A_LINE.search(text) and not _YEAR.match(text) for text in _shown(row))


def _texts(row: Sequence[Cell]) -> list[str]:
    return [cell.strip() if isinstance(cell, str) else "" for cell in row]


def _two_rows(top: list[str], bottom: list[str]) -> list[list[str]]:
    """For each column what a merged header may say: both rows, the lower, the upper.

    A title above is filled to the right over the columns that its merge covered.
    """
    return [
        [text for text in (upper + lower, lower, upper) if text] or [""]
        for upper, lower in _filled(top, bottom)
    ]


def _three_rows(top: list[str], middle: list[str], bottom: list[str]) -> list[list[str]]:
    """As two rows, with one more title over both."""
    merged = _filled(top, [m or b for m, b in zip_longest(middle, bottom, fillvalue="")])
    below = _filled(middle, bottom)
    return [
        list(dict.fromkeys(t for t in (upper + mid + low, mid + low, upper + low, low, mid) if t))
        or [upper]
        for (upper, _), (mid, low) in zip_longest(merged, below, fillvalue=("", ""))
    ]


def _filled(top: list[str], bottom: list[str]) -> list[tuple[str, str]]:
    """Both rows column by column; a title above reaches right over what stands below it."""
    found: list[tuple[str, str]] = []
    for upper, lower in zip_longest(top, bottom, fillvalue=""):
        carried = found[-1][0] if found and not upper and lower else upper
        found.append((carried, lower))
    return found


def _matched(
    last: int,
    choices: list[list[str]],
    form: Form,
    known: dict[str, Field],
    told: Mapping[str, str],
) -> Header:
    columns: dict[str, int] = {}
    labels: dict[str, str] = {}
    mapped: list[Mapped] = []
    said = [_told(texts, told) for texts in choices]
    for place, texts in enumerate(choices):
        if not texts[0]:
            continue
        label = texts[len(texts) // 2]
        name, how = said[place], TOLD
        if name is None:
            field, found = _field_of(texts, known)
            name, how, label = (field.name, KNOWN, found) if field else (None, UNKNOWN, label)
            # what a person said of another column goes before the form's own words
            if name in said:
                how = REPEATED
        if name == "":  # a person said that it is of no use
            mapped.append(Mapped(place, label, None, TOLD))
        elif name is None:
            mapped.append(_unused(place, label, texts, form))
        elif name in columns or how == REPEATED:
            mapped.append(Mapped(place, label, name, REPEATED))
        else:
            columns[name], labels[name] = place, label
            mapped.append(Mapped(place, label, name, how))
    guessed = [
        _guessed(column, columns, known) if column.how == UNKNOWN else column for column in mapped
    ]
    large = frozenset(name for name, label in labels.items() if TEN_THOUSANDS in label)
    return Header(last, columns, labels, tuple(guessed), large)


def _told(texts: list[str], told: Mapping[str, str]) -> str | None:
    keys = [key for text in texts for key in header_keys(text)[:1]]
    return next((told[key] for key in keys if key in told), None)


def _unused(place: int, label: str, texts: list[str], form: Form) -> Mapped:
    keys = [key for text in texts for key in header_keys(text)]
    is_aside = any(key in form.aside or key in OURS for key in keys)
    return Mapped(place, label, None, ASIDE if is_aside else UNKNOWN)


def _guessed(column: Mapped, columns: Mapping[str, int], known: dict[str, Field]) -> Mapped:
    """A header that only contains what a field is called may mean it: for a person to say."""
    words = [
        (len(word), field.name)
        for key in header_keys(column.label)[:1]
        for word, field in known.items()
        if len(word) >= SHORTEST_GUESS and word in key and field.name not in columns
    ]
    if not words:
        return column
    return Mapped(column.place, column.label, max(words)[1], GUESSED)


def _field_of(texts: list[str], known: dict[str, Field]) -> tuple[Field | None, str]:
    for text in texts:
        for key in header_keys(text):
            if key in known:
                return known[key], text
    return None, ""
