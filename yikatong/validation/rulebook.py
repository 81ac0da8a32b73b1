"""Loads the cross rules (`laws/*.sql`) and runs them over the joined world (house.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import sqlglot
from sqlglot import expressions

from yikatong.validation.rules import NOT_COMPARED, SEVERITIES, VERDICT_OF

FOLDER: Final = Path(__file__).parent / "laws"
VIEWS: Final = frozenset(
    {
        "line",
        "person",
        "account",
        "roster",
        "roster_kind",
        "paid",
        "relation",
        "deduction",
        "programme",
        "town",
    }
)
REQUIRED_KEYS: Final = ("code", "名称", "severity", "basis", "fixes", "field", "message", "example")
OPTIONAL_KEYS: Final = ("trimmed", "verdict", "once", "rosters")
NEEDS: Final = frozenset({"must", "watch", "absent", "stop", "relation"})
HEADER: Final = re.compile(r"-- ([^:]+): ?(.*)")
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Law:
    """One rule file: its header, its SELECT, and the columns that its sentence may name.

    `once`: `check` tells it once per file as info (no bank answer stored yet); `always` and
    `batch` tell it once in every run; `file` is found once and belongs to no line. `trimmed` is
    the sentence where the evidence is another unit's. `rosters` names the uses of rosters that it
    reads: where one of them is missing or stale, the rule's verdict is 未比对.
    """

    file: str
    code: str
    title: str
    severity: str
    basis: str
    fixes: str
    field: str
    message: str
    example: str
    trimmed: str
    verdict: str
    once: str
    rosters: frozenset[str]
    sql: str
    columns: tuple[str, ...]


@lru_cache(maxsize=1)
def laws() -> tuple[Law, ...]:
    """Every rule file, by file name. Raises ValueError, loudly, for a malformed one."""
    found = tuple(
        parse(path.name, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.sql"))
    )
    kinds = [(law.code, law.severity) for law in found]
    if len(set(kinds)) != len(kinds):
        raise ValueError("two rule files share a code and a severity: one file per severity")
    return found


def parse(file: str, content: str) -> Law:
    """Read one file. Missing key, foreign table, or a sentence naming no column is an error."""
    header: dict[str, str] = {}
    lines = content.splitlines()
    body_at = 0
    for body_at, line in enumerate(lines):  # noqa: B007 - the first line that is no header
        match = HEADER.fullmatch(line)
        if match is None:
            break
        header[match[1].strip()] = match[2].strip()
    missing = [key for key in REQUIRED_KEYS if key not in header]
    unknown = set(header) - {*REQUIRED_KEYS, *OPTIONAL_KEYS}
    if missing or unknown or header["severity"] not in SEVERITIES:
        raise ValueError(f"{file}: header lacks {missing}, or has unknown {sorted(unknown)}")
    sql = "\n".join(lines[body_at:]).strip().rstrip(";")
    tree = sqlglot.parse_one(sql, read="postgres")
    named = {cte.alias for cte in tree.find_all(expressions.CTE)}
    foreign = {table.name for table in tree.find_all(expressions.Table)} - VIEWS - named
    if foreign:
        raise ValueError(f"{file}: reads {sorted(foreign)}, which is not one of the rule views")
    columns = tuple(tree.named_selects) if isinstance(tree, expressions.Query) else ()
    if columns[:1] != ("line_id",):
        raise ValueError(f"{file}: the first column is line_id")
    _check_sentences(file, header, columns)
    return Law(
        file,
        header["code"],
        header["名称"],
        header["severity"],
        header["basis"],
        header["fixes"],
        header["field"],
        header["message"],
        header["example"],
        header.get("trimmed", ""),
        header.get("verdict", VERDICT_OF[header["severity"]]),
        header.get("once", ""),
        frozenset(header.get("rosters", "").split()),
        sql,
        columns,
    )


def _check_sentences(file: str, header: dict[str, str], columns: tuple[str, ...]) -> None:
    for sentence in (header["message"], header["field"], header.get("trimmed", "")):
        lost = set(PLACEHOLDER.findall(sentence)) - set(columns)
        if lost:
            raise ValueError(f"{file}: the sentence names {sorted(lost)}, which is not returned")
    if "trimmed" in header and "unit_no" not in columns:
        raise ValueError(f"{file}: a trimmed sentence needs the unit_no of its evidence")
    unknown = set(header.get("rosters", "").split()) - NEEDS
    if unknown:
        raise ValueError(f"{file}: unknown use of a roster {sorted(unknown)}")
    if re.fullmatch(_as_pattern(header["message"]), header["example"]) is None:
        raise ValueError(f"{file}: the example is not what the message says")


def _as_pattern(message: str) -> str:
    pieces = PLACEHOLDER.split(message)
    return "".join(".*" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces))


def sentence_sql(template: str) -> str:
    """The sentence as an SQL expression over the rule's row `found`."""
    parts: list[str] = []
    for place, piece in enumerate(PLACEHOLDER.split(template)):
        if place % 2:
            parts.append(f"coalesce(found.{piece}::text, '')")
        elif piece:
            quoted = piece.replace("'", "''").replace("%", "%%")
            parts.append(f"'{quoted}'")
    return " || ".join(parts) or "''"


def is_not_compared(law: Law) -> bool:
    return law.verdict == NOT_COMPARED
