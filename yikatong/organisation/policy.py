"""Which duties may open a page. Every view carries a policy; a view without one is never served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from yikatong.kernel.actor import Actor, Duty

View = TypeVar("View", bound=Callable[..., Any])
Policy = str | frozenset[Duty]

# served without a person and without a scope: sign-in, and what holds no data
ANYONE: Final = "anyone"

TOWN: Final = frozenset({Duty.TOWN_CLERK, Duty.TOWN_CHECK})
DEPARTMENT: Final = frozenset({Duty.DEPT_CLERK, Duty.DEPT_CHIEF})
CLERKS: Final = frozenset({Duty.TOWN_CLERK, Duty.DEPT_CLERK})
# who may read batches, their lines and their money; a bank sees its own shares instead
BATCH_READERS: Final = TOWN | DEPARTMENT | {Duty.FINANCE, Duty.AUDIT}
QUARANTINE_READERS: Final = DEPARTMENT | {Duty.FINANCE, Duty.AUDIT}
BOOK_READERS: Final = DEPARTMENT | {Duty.FINANCE, Duty.AUDIT}
CHANGE_READERS: Final = TOWN | DEPARTMENT | {Duty.AUDIT}
ADMINISTRATORS: Final = frozenset({Duty.SYSADMIN, Duty.SECADMIN, Duty.AUDITADMIN})
OFFICIALS: Final = BATCH_READERS | ADMINISTRATORS | {Duty.VILLAGE, Duty.BANK}


class DeskRequest(HttpRequest):
    """A request inside the scope of its actor, as the middleware hands it to a view."""

    actor: Actor
    posts: list[Actor]
    htmx: HtmxDetails


def policy(who: str | Iterable[Duty]) -> Callable[[View], View]:
    """Mark a view with the duties that may open it, or with ANYONE."""
    duties: Policy = who if isinstance(who, str) else frozenset(who)

    def mark(view: View) -> View:
        view.policy = duties  # type: ignore[attr-defined] # read by the middleware and the tests
        return view

    return mark
