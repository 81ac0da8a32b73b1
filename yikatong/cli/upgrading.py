"""What an older home lacks, brought up to this version: tables and law, postings, settings.

Runs as the owner, whenever `init` meets a home that is there already; a second run finds nothing to
do. What a county has changed of its settings stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

# lists of settings whose rows are told apart by this name
KEYED: Final = {"vouchers": "kind"}


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What was done in one home; `counties` are those set up anew."""

    counties: list[str] = field(default_factory=list)
    migrations: int = 0
    postings: dict[str, int] = field(default_factory=dict)
    settings: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def sentence(self) -> str:
        """For a person: what was done, or that nothing had to be."""
        done = []
        if self.migrations:
            done.append(f"数据库升级 {self.migrations} 项")
        done += [f"{name}补记台账 {n} 笔" for name, n in self.postings.items() if n]
        done += [f"{name}补上设置 {'、'.join(new)}" for name, new in self.settings.items() if new]
        return f"已升级到本版：{'；'.join(done)}。" if done else "数据库和设置已是本版，没有改动。"


def pending_migrations() -> int:
    """How many migrations this version has that the database has not; Django set up as owner."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def bring_up_county(county: Any, settings: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Postings that older movements lack, and settings that its pack has and it has not.

    Args:
        county: the county's row, in the owner's scope.
        settings: as a new county would have them.
    """
    from django.db import connection

    whole, added = completed(county.settings, settings)
    if added:
        county.settings = whole
        county.save(update_fields=["settings"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_backfill(%s)", [county.county])
        return int(cursor.fetchone()[0]), added


def completed(
    held: Mapping[str, Any], usual: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The settings held with what they miss of the usual ones, and the names of what was added."""
    whole, added = dict(held), []
    for name, value in usual.items():
        if name not in whole:
            whole[name] = value
            added.append(name)
        elif name in KEYED:
            key, known = KEYED[name], _rows(whole[name])
            rows = _missing(known, value, key)
            whole[name] = [*known, *rows]
            added += [f"{name} {row[key]}" for row in rows]
    return whole, added


def _rows(held: Any) -> list[Mapping[str, Any]]:
    """The first homes held these by their key, one version of each."""
    return list(held.values()) if isinstance(held, Mapping) else list(held)


def _missing(
    held: Sequence[Mapping[str, Any]], usual: Sequence[Mapping[str, Any]], key: str
) -> list[Mapping[str, Any]]:
    known = {row.get(key) for row in held}
    return [row for row in usual if row.get(key) not in known]
