"""Opens a transaction in the scope of an actor: one statement, and the row policies hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from yikatong.kernel.actor import Actor

SET_SCOPE = (
    "SELECT set_config('role', %s, true), set_config('ykt.county', %s, true),"
    " set_config('ykt.unit_lo', %s, true), set_config('ykt.unit_hi', %s, true),"
    " set_config('ykt.department_no', %s, true), set_config('ykt.bank_no', %s, true),"
    " set_config('ykt.user', %s, true)"
)

SET_COUNTY = (
    "SELECT set_config('ykt.county', %s, true), set_config('ykt.unit_lo', '0', true),"
    " set_config('ykt.unit_hi', '2147483647', true)"
)


@contextmanager
def acting(actor: Actor) -> Iterator[Actor]:
    """One transaction as this actor: its database role and its rows (trust.md §2)."""
    with transaction.atomic():
        enter(actor)
        yield actor


def enter(actor: Actor) -> None:
    """Take the actor's role and scope until the present transaction ends."""
    scope = actor.scope
    low, high = scope.units or ("", "")
    with connection.cursor() as cursor:
        cursor.execute(
            SET_SCOPE,
            [
                actor.database_role,
                scope.county,
                str(low),
                str(high),
                "" if scope.department_no is None else str(scope.department_no),
                "" if scope.bank_no is None else str(scope.bank_no),
                actor.username,
            ],
        )


@contextmanager
def acting_as_owner(actor: Actor) -> Iterator[Actor]:
    """Set-up by the owner of the tables, in a county's scope: row security is forced on it too."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SET_COUNTY, [actor.scope.county])
        yield actor


@contextmanager
def acting_as_login() -> Iterator[None]:
    """One transaction as the login itself: for accounts, before any duty is taken."""
    with transaction.atomic():
        yield
