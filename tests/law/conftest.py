"""The law's tests look at a database of their own, with one county at work and one beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests import database
from tests.law.counties import EVERYTHING, plant
from tests.law.owning import Owner
from tests.validation.cast import DEPARTMENT, HERE

Enter = Callable[..., psycopg.Connection[Any]]


@pytest.fixture(scope="module")
def planted(committing: str) -> str:
    """The name of this module's database, with a sound world in it."""
    with database.connect("ykt_admin", committing) as admin:
        plant(admin)
    return committing


@pytest.fixture
def admin(planted: str) -> Iterator[psycopg.Connection[Any]]:
    """The administrator's hand, bound by nothing; what it does is rolled back."""
    with database.connect("ykt_admin", planted) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def enter(planted: str) -> Iterator[Enter]:
    """`enter("ykt_web", "ykt_finance", county="500243")`: a login in a duty role and a scope."""
    opened: list[psycopg.Connection[Any]] = []

    def enter(login: str, role: str = "", **scope: object) -> psycopg.Connection[Any]:
        connection = database.connect(login, planted)
        opened.append(connection)
        if role:
            connection.execute("SELECT set_config('role', %s, true)", [role])
        for name, value in scope.items():
            connection.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", str(value)])
        return connection

    yield enter
    for connection in opened:
        connection.rollback()
        connection.close()


@pytest.fixture
def owner(admin: psycopg.Connection[Any]) -> Owner:
    """The owner in this county; the triggers are all that is left to stop him."""
    admin.execute("SET LOCAL ROLE ykt_owner")
    for name, value in {"county": HERE, **EVERYTHING, "department_no": DEPARTMENT}.items():
        admin.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", str(value)])
    return admin
