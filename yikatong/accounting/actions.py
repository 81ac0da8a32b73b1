"""会计核算: drafts V1, once the batch's equation holds as sums."""

from __future__ import annotations

from django.utils import timezone

from yikatong.accounting.models import Voucher, VoucherEntry
from yikatong.accounting.rules import entries
from yikatong.funding.queries import live_requests, received_fen
from yikatong.kernel.actor import Actor
from yikatong.kernel.errors import Refused
from yikatong.kernel.money import Money
from yikatong.kernel.steps import NOTHING, Inputs, Passed, Verdict
from yikatong.organisation.queries import county_settings
from yikatong.payout.queries import money_of
from yikatong.submission.models import Batch

PAYMENT_VOUCHER = "V1"


def draft(batch: Batch, *, actor: Actor, inputs: Inputs = NOTHING) -> Verdict:
    """V1 国库集中支付到代发户, one per bank's funding; a replay drafts nothing twice.

    Raises:
        Refused: 应发 ≠ 成功 + 失败 + 在途 + 停发.
    """
    money = money_of(batch, scope=actor.scope)
    if not money.holds:
        raise Refused("应发与成功、失败、在途、停发之和不相等，不能生成凭证。请先核对。")
    charts = county_settings(scope=actor.scope).settings["vouchers"]
    total = 0
    for application in live_requests(batch, scope=actor.scope):
        amount_fen = received_fen(application, scope=actor.scope)
        voucher, is_new = Voucher.objects.get_or_create(
            event=f"funding|{application.number}",
            kind=PAYMENT_VOUCHER,
            defaults={
                "county": batch.county,
                "unit_no": batch.unit_no,
                "department_no": batch.department_no,
                "batch": batch,
                "summary": f"{batch.title} 国库集中支付到代发户",
                "drafted_at": timezone.now(),
            },
        )
        total += amount_fen
        if not is_new:
            continue
        auxiliary = f"{batch.programme.short_name}|{batch.number}|{application.indicator}"
        VoucherEntry.objects.bulk_create(
            VoucherEntry(
                voucher=voucher,
                county=batch.county,
                book=entry.book,
                is_debit=entry.is_debit,
                account=entry.account,
                auxiliary=auxiliary,
                amount_fen=entry.amount_fen,
            )
            for entry in entries(charts[PAYMENT_VOUCHER], amount_fen)
        )
    return Passed(note=f"凭证合计 {Money(total)} 元")
