"""What a bank is told of a share: its rows (PAY), its release (REL), what is taken back (CAN)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import Count, Sum

from yikatong.catalogue.texts import short_note
from yikatong.connectors.bank.messages import KEPT, CancelRow, Message, Msg, PayRow, Release
from yikatong.connectors.bank.refusals import Unwritable
from yikatong.funding.models import FundingRequest
from yikatong.funding.queries import live_requests, reissues_of
from yikatong.kernel.actor import Scope
from yikatong.kernel.money import Money
from yikatong.payout.models import BankShare, Payment
from yikatong.payout.rules import PaymentState
from yikatong.vault.access import the_vault

ID_CARD = "01"
WHOLE, ROW, GIVE_BACK = "ALL", "ROW", "RFD"


def roster(share: BankShare, *, bank_name: str, hotline: str) -> Message:
    """PAY: the live payments of a share, with the bank's own form of each name."""
    return Message(Msg.PAY, share.batch_no, tuple(_pay_rows(share, bank_name, hotline)))


def named(message: Message, error: Unwritable) -> dict[str, str]:
    """The payments that cannot be written, each with its first reason."""
    rows = [row for row in message.rows if isinstance(row, PayRow)]
    why: dict[str, str] = {}
    for problem in error.problems:
        why.setdefault(rows[problem.row - 1].detail_id, f"{problem.field} {problem.reason}")
    return why


def release(share: BankShare, *, scope: Scope) -> Message:
    """REL: the voucher and the sum that were compared."""
    instruction = share.instruction
    applications = list(live_requests(share.batch, scope=scope).filter(bank_no=share.bank_no))
    rows = []
    for application in applications:  # one row per voucher: a share may stand on two indicators
        paid = share.payments.filter(
            state=PaymentState.SENT, seq__range=(application.seq_from, application.seq_to)
        ).aggregate(lines=Count("id"), fen=Sum("amount_fen"))
        is_kept = application.source == FundingRequest.Source.RESIDUE
        rows.append(
            Release(
                application_no=application.number if is_kept else application.budget_number,
                voucher_no=KEPT if is_kept else application.voucher_number,
                count=instruction.lines if len(applications) == 1 else paid["lines"],
                amount_fen=instruction.amount_fen if len(applications) == 1 else paid["fen"] or 0,
            )
        )
    return Message(Msg.REL, share.batch_no, tuple(rows))


def cancellation(share: BankShare, *, reason: str, number: int) -> Message:
    """CAN of a whole share, numbered after the stops of single rows."""
    return Message(Msg.CAN, share.batch_no, (CancelRow(scope=WHOLE, reason=reason),), number)


def stoppage(payment: Payment, *, reason: str, number: int) -> Message:
    """CAN of one row, the `number`-th of its share."""
    row = CancelRow(scope=ROW, detail_id=payment.detail_id, reason=reason)
    return Message(Msg.CAN, payment.share.batch_no, (row,), number)


def give_back(share: BankShare, detail_ids: Sequence[str], *, reason: str, number: int) -> Message:
    """CAN after the payout: what stayed of these rows goes back to the treasury."""
    rows = tuple(
        CancelRow(scope=GIVE_BACK, detail_id=detail_id, reason=reason) for detail_id in detail_ids
    )
    return Message(Msg.CAN, share.batch_no, rows, number)


def _pay_rows(share: BankShare, bank_name: str, hotline: str) -> Iterator[PayRow]:
    payments = (
        share.payments.filter(state=PaymentState.SENT)
        .select_related("account_version__account__person", "line__origin__payment")
        .order_by("seq")
    )
    programme = share.batch.programme
    vault = the_vault()
    failed = dict(
        reissues_of(share.batch_id, share.bank_no, scope=Scope(share.county)).values_list(
            "id", "source_detail_id"
        )
    )
    for payment in payments.iterator(chunk_size=2000):
        version = payment.account_version
        person = version.account.person
        number = vault.decrypt(
            bytes(version.number_cipher), county=share.county, field="card_account_version.number"
        )
        id_number = vault.decrypt(bytes(person.id_cipher), county=share.county, field="person.id")
        amount = str(Money(payment.amount_fen))
        yield PayRow(
            detail_id=payment.detail_id,
            seq=payment.seq,
            ref_batch_no=share.batch.number,
            mof_div_code=f"{share.county}000",
            fiscal_year=payment.period[:4],
            project_code=payment.programme_code,
            project_short=programme.short_name,
            period=payment.period,
            payee_name=version.account_name,
            id_type=ID_CARD,
            id_no=id_number.decode(),
            acct_no=number.decode(),
            acct_type=version.kind,
            amount_fen=payment.amount_fen,
            currency="CNY",
            summary=programme.short_name,
            sms_text=programme.sms_text.format(
                bank=bank_name, short=programme.short_name, amount=amount,
                date=f"{int(payment.period[5:])}月", tail=version.last4, phone=hotline,
            ),
            ntf_text=short_note(programme.short_name, amount),
            orig_detail_id=failed.get(payment.pk) or _origin(payment),
        )  # fmt: skip


def _origin(payment: Payment) -> str:
    """The withdrawn payment of the very line that this one copies; '' for a first one."""
    origin = payment.line.origin
    return origin.payment.detail_id if origin is not None and hasattr(origin, "payment") else ""
