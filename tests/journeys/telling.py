"""What the tellers of stories share: the board, the waiting, and the steps that many take."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from tests.journeys.house import Done, House

Telling = Generator[None, None, None]
Story = Callable[[House, "Board"], Telling]

STORIES: Final[dict[str, Story]] = {}

DEPARTMENT_UP: Final = (
    ("compile", "dept-clerk"),
    ("report", "dept-chief"),
    ("approve", "dept-chief"),
    ("submit", "dept-clerk"),
)
TOWN_UP: Final = (
    ("compile", "town-clerk"),
    ("report", "town-check"),
    ("approve", "dept-chief"),
    ("submit", "dept-clerk"),
)
BATCH_KEYS: Final = {
    "number", "county", "programme", "period", "status", "lines", "due_fen", "paid_fen",
    "failed_fen", "in_transit_fen", "history",
}  # fmt: skip


class Board:
    """What the tellers share: the status of every batch, read once a round, and a word."""

    def __init__(self) -> None:
        self.statuses: dict[str, str] = {}
        self.budget_has_returned = False


def story(teller: Story) -> Story:
    """Register a story under its name."""
    STORIES[teller.__name__] = teller
    return teller


def until(board: Board, number: str, *wanted: str) -> Telling:
    """What stands on the board is from before the last step: at least one turn passes."""
    yield
    while board.statuses.get(number) not in wanted:
        yield


def took(done: Done) -> None:
    assert done.code == 0, done.err


def refused(done: Done, *words: str) -> None:
    """A refusal is one Chinese sentence on stderr and exit 2; nothing on stdout."""
    assert done.code == 2, (done.code, done.err)
    assert done.out == ""
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1, done.err
    for word in words:
        assert word in done.err, done.err


def equation_holds(facts: dict[str, Any]) -> None:
    assert facts["due_fen"] == (
        facts["paid_fen"] + facts["failed_fen"] + facts["in_transit_fen"] + facts["stopped_fen"]
    ), facts


def paid_by_bank(house: House, number: str) -> tuple[int, int]:
    """(payments, fen) of one batch in the bank's own books."""
    shares = {one["batch_no"] for one in shares_of(house, number)}
    paid = [row for row in house.bank_books()["payments"] if row["batch_no"] in shares]
    return len(paid), sum(row["amount_fen"] for row in paid)


def slug_of(number: str) -> str:
    return "pengshui" if number.startswith("PE") else "dadukou"


def shares_of(house: House, number: str) -> list[dict[str, Any]]:
    found = house.rows(
        slug_of(number),
        "SELECT share.batch_no, share.bank_no, share.state FROM payout_bankshare AS share"
        " JOIN submission_batch AS batch ON batch.id = share.batch_id WHERE batch.number = %s"
        " ORDER BY share.bank_no",
        number,
    )
    return [dict(zip(("batch_no", "bank_no", "state"), row, strict=True)) for row in found]


def payments_of(house: House, number: str) -> list[dict[str, Any]]:
    found = house.rows(
        slug_of(number),
        "SELECT payment.detail_id, payment.state, payment.amount_fen FROM payout_payment AS payment"
        " JOIN submission_batch AS batch ON batch.id = payment.batch_id WHERE batch.number = %s"
        " ORDER BY payment.id",
        number,
    )
    return [dict(zip(("detail_id", "state", "amount_fen"), row, strict=True)) for row in found]


def quarantined(house: House, number: str, kind: str) -> int:
    found = house.rows(
        slug_of(number),
        "SELECT count(*) FROM jobs_quarantine AS item JOIN submission_batch AS batch"
        " ON batch.id = item.batch_id WHERE batch.number = %s AND item.kind = %s",
        number,
        kind,
    )
    return int(found[0][0])


def send_up(house: House, number: str, steps: tuple[tuple[str, str], ...], slug: str) -> None:
    for name, post in steps:
        took(house.step(number, name, f"{slug}-{post}"))


def pengshui_to_ready(house: House, board: Board, number: str, *, steps: Any = TOWN_UP) -> Telling:
    send_up(house, number, steps, "pengshui")
    yield from until(board, number, "READY")
    while (
        not board.budget_has_returned
    ):  # the next request of this county is to be returned: another story's
        yield


def dadukou_to_review(house: House, board: Board, number: str) -> Telling:
    send_up(house, number, (("compile", "town-clerk"), ("submit", "town-check")), "dadukou")
    yield from until(board, number, "VALIDATED")
    took(house.step(number, "send", "dadukou-town-clerk"))
    yield from until(board, number, "IN_REVIEW")


def dadukou_to_published(house: House, board: Board, number: str) -> Telling:
    took(house.step(number, "review", "dadukou-finance"))
    took(house.step(number, "request", "dadukou-town-clerk"))
    yield from until(board, number, "BOOKED")
    took(house.step(number, "publish", "dadukou-town-clerk"))
    yield from until(board, number, "PUBLISHED")


# -- the stories ----------------------------------------------------------------------------------
