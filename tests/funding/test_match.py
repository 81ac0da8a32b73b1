"""匹配: one object per share, made of equal sums only, and asked for at release."""

from __future__ import annotations

from tests.funding.test_money_received import (  # noqa: F401 - the fixture is theirs
    TREASURY,
    WHOLE,
    asked,
    comes,
)
from tests.payout.funded import Funded
from yikatong.funding.queries import matches_of
from yikatong.jobs.models import Quarantine
from yikatong.organisation.scoping import acting
from yikatong.submission.models import Batch


def matched(found: Funded) -> list[tuple[int, str]]:
    with acting(TREASURY) as actor:
        batch = Batch.objects.get(pk=found.batch)
        rows = matches_of(batch, scope=actor.scope)
        return [(one.amount_fen, one.batch_no) for one in rows]


def told(found: Funded) -> list[str]:
    with acting(TREASURY):
        rows = Quarantine.objects.filter(batch_id=found.batch).order_by("id")
        return [one.sentence.split("：")[0] for one in rows]


def test_equal_money_is_matched_once(asked: Funded) -> None:  # noqa: F811
    assert comes(asked, WHOLE, "A")
    comes(asked, WHOLE, "A")
    assert [fen for fen, _ in matched(asked)] == [WHOLE]
    assert matched(asked)[0][1].startswith("CRB2026-"), "it names the bank's own batch number"


def test_partial_money_is_no_match_until_the_rest_comes(asked: Funded) -> None:  # noqa: F811
    comes(asked, WHOLE - 5_000, "A")
    assert matched(asked) == []
    assert told(asked) == ["到账不足"]
    comes(asked, 5_000, "B")
    assert [fen for fen, _ in matched(asked)] == [WHOLE]


def test_excess_double_and_wrong_account_each_have_their_to_do(asked: Funded) -> None:  # noqa: F811
    comes(asked, WHOLE, "A", account="6")
    assert matched(asked) == []
    comes(asked, WHOLE + 1, "B")
    assert matched(asked) == []
    comes(asked, WHOLE, "C")
    assert told(asked) == ["错户到账", "到账超额", "重复到账"]
