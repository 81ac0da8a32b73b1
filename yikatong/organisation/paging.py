"""Lists page by page, by key and never by offset: the millionth row costs what the first does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict

Row = TypeVar("Row", bound=Model)
PER_PAGE: Final = 50
COUNTED_UP_TO: Final = 100_000
LONGEST_NUMBER: Final = 18


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in the list's order, and the query strings of the neighbouring pages ('' for none)."""

    rows: list[Row]
    previous: str = ""
    next: str = ""


def page_of(
    rows: QuerySet[Row],
    query: QueryDict,
    *,
    key: str = "id",
    is_newest_first: bool = False,
    per_page: int = PER_PAGE,
) -> Page[Row]:
    """The page that `?after=` or `?before=` names; `key` is unique, indexed, and a whole number."""
    after, before = _number(query.get("after")), _number(query.get("before"))
    goes_back = before is not None
    ascends = is_newest_first == goes_back
    beyond: dict[str, Any] = {}
    edge = before if goes_back else after
    if edge is not None:
        beyond[f"{key}__gt" if ascends else f"{key}__lt"] = edge
    found = list(rows.filter(**beyond).order_by(key if ascends else f"-{key}")[: per_page + 1])
    has_more = len(found) > per_page
    found = found[:per_page]
    if goes_back:
        found.reverse()
    if not found:
        return Page([])
    is_first = not has_more if goes_back else after is None
    is_last = False if goes_back else not has_more
    return Page(
        found,
        "" if is_first else _link(query, "before", getattr(found[0], key)),
        "" if is_last else _link(query, "after", getattr(found[-1], key)),
    )


def told_count(rows: QuerySet[Any], word: str = "条") -> str:
    """How many there are, counted exactly up to a limit."""
    counted = rows.order_by()[: COUNTED_UP_TO + 1].count()
    if counted > COUNTED_UP_TO:
        return f"超过 {COUNTED_UP_TO:,} {word}"
    return f"共 {counted:,} {word}"


def _number(text: str | None) -> int | None:
    written = text or ""
    is_number = written.isascii() and written.isdigit() and len(written) <= LONGEST_NUMBER
    return int(written) if is_number else None


def _link(query: QueryDict, name: str, edge: int) -> str:
    kept = query.copy()
    for other in ("after", "before"):
        kept.pop(other, None)
    kept[name] = str(edge)
    return "?" + kept.urlencode()
