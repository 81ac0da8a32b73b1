"""退库通知: what stayed with a bank and pays nothing there any more is called back, each once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final

from django.db.models import Max
from django.utils import timezone

from yikatong.feedback.models import KeptInVain, RefundOrder
from yikatong.feedback.queries import kept_in_vain
from yikatong.kernel.actor import Actor
from yikatong.organisation.queries import paying_banks
from yikatong.organisation.wire import post
from yikatong.payout.messages import give_back
from yikatong.payout.models import BankShare
from yikatong.payout.queries import stops_before

REASON: Final = attrgetter("reason")


def call_back(*, actor: Actor) -> int:
    """Tell each bank what it holds in vain; gives of how many payments. A second call finds none.

    The share is locked first, so that two who look at once order one after the other.
    """
    found = kept_in_vain(scope=actor.scope)
    ordered = 0
    for share_id in sorted({one.share_id for one in found}):
        share: BankShare = BankShare.objects.select_for_update(no_key=True).get(pk=share_id)
        # looked at again under the lock: somebody may have been quicker
        rows = sorted(kept_in_vain(share_id, scope=actor.scope), key=REASON)
        for reason, some in groupby(rows, REASON):
            ordered += _order(share, list(some), reason, actor=actor)
    return ordered


def _order(share: BankShare, rows: Sequence[KeptInVain], reason: str, *, actor: Actor) -> int:
    last = RefundOrder.objects.filter(county=actor.scope.county, share=share).aggregate(
        number=Max("number")
    )["number"]
    number = (last or stops_before(share, scope=actor.scope)) + 1
    RefundOrder.objects.bulk_create(
        RefundOrder(
            county=one.county,
            unit_no=one.unit_no,
            department_no=one.department_no,
            bank_no=one.bank_no,
            share=share,
            payment_id=one.pk,
            number=number,
            amount_fen=one.amount_fen,
            reason=reason,
            at=timezone.now(),
        )
        for one in rows
    )
    message = give_back(share, [one.detail_id for one in rows], reason=reason, number=number)
    post(message, paying_banks(scope=actor.scope)[share.bank_no], actor=actor)
    return len(rows)
