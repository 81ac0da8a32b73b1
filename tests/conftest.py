"""What every test may ask for: a database of the real law, entered as the real roles.

`db`            pytest-django's: one copy per xdist worker, each test rolled back, as `ykt_web`
`committing`    a copy of its own for the tests of one module that commit; nothing is truncated
`own_database`  the same for one test
`log_in`        `with log_in("ykt_worker"):` Django's connection becomes that login
`connect`       `connect("ykt_web")`: a second psycopg connection to the same database, for races
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connections
from hypothesis import settings
from pytest_django.plugin import DjangoDbBlocker

from tests import database

# speed is a benchmark, never a test: a loaded machine proves nothing wrong
settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's own, which would make the database as its owner."""
    with django_db_blocker.unblock(), database.copied() as name, database.pointed_at(name):
        yield


@pytest.fixture(scope="module")
def committing(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The name of a database for this module's tests, which commit in it."""
    with django_db_blocker.unblock(), database.copied() as name, database.pointed_at(name):
        yield name


@pytest.fixture
def own_database(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The name of a database for this test alone, which commits in it."""
    with django_db_blocker.unblock(), database.copied() as name, database.pointed_at(name):
        yield name


@pytest.fixture
def log_in() -> Callable[[str], AbstractContextManager[None]]:
    def log_in(role: str) -> AbstractContextManager[None]:
        return database.pointed_at(connections["default"].settings_dict["NAME"], role=role)

    return log_in


@pytest.fixture
def connect() -> Iterator[Callable[..., psycopg.Connection[Any]]]:
    opened: list[psycopg.Connection[Any]] = []

    def connect(role: str = "ykt_web", **options: Any) -> psycopg.Connection[Any]:
        name = connections["default"].settings_dict["NAME"]
        opened.append(database.connect(role, name, **options))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A module that says TOLD_IN_ORDER is one long tale: shuffling keeps out of its chapters.

    Each keeps its own places: spread over another's, it would be set up anew midway.
    """
    tales: dict[Path, list[int]] = {}
    for place, item in enumerate(items):
        if getattr(getattr(item, "module", None), "TOLD_IN_ORDER", False):
            tales.setdefault(item.path, []).append(place)
    for places in tales.values():
        told = sorted((items[place] for place in places), key=_line)
        for place, item in zip(places, told, strict=True):
            items[place] = item


def _line(item: pytest.Item) -> tuple[int, str]:
    return (item.location[1] or 0, item.name)
