"""B03 支付明细: the persons behind an application, as 惠企利民 payments are counted."""

from __future__ import annotations

from collections.abc import Iterator

from yikatong.connectors.budget.messages import DetailRow
from yikatong.funding.models import FundingRequest
from yikatong.kernel.actor import Scope
from yikatong.organisation.models import Unit
from yikatong.organisation.queries import paying_banks, units_of_kind
from yikatong.payout.models import Payment
from yikatong.payout.rules import PaymentState
from yikatong.vault.access import the_vault


def details_of(request: FundingRequest, *, scope: Scope) -> Iterator[DetailRow]:
    """One row per payment of the application's places, in their order; amounts in fen.

    A line stopped since leaves residue of the application: it is told too, so that the rows add
    up to what was applied for.
    """
    bank = paying_banks(scope=scope)[request.bank_no]
    vault = the_vault()
    places = {
        unit.unit_no: unit.division_code
        for unit in units_of_kind([Unit.Kind.TOWN, Unit.Kind.VILLAGE], scope=scope)
    }
    payments = (
        Payment.objects.filter(
            county=scope.county,
            batch_id=request.batch_id,
            bank_no=request.bank_no,
            seq__range=(request.seq_from, request.seq_to),
        )
        .exclude(state=PaymentState.WITHDRAWN)
        .exclude(state=PaymentState.STOPPED, stop__confirmed_at__lt=request.requested_at)
        .select_related("account_version__account__person", "line")
        .order_by("seq")
    )
    for payment in payments.iterator(chunk_size=2000):
        version = payment.account_version
        person = version.account.person
        number = vault.decrypt(
            bytes(version.number_cipher), county=scope.county, field="card_account_version.number"
        )
        id_number = vault.decrypt(bytes(person.id_cipher), county=scope.county, field="person.id")
        yield DetailRow(
            tracking_id=request.number,
            detail_id=payment.detail_id,
            pay_cert_no=request.voucher_number,
            payee_acct_name=version.account_name,
            payee_acct_no=number.decode(),
            payee_acct_bank_name=bank.name,
            pay_amt_fen=payment.amount_fen,
            xpay_amt_fen=payment.amount_fen if payment.state == PaymentState.PAID else 0,
            per_name=person.name,
            iden_no=id_number.decode(),
            town_code=places.get(person.unit_no, "")[:9],
            village_code=places.get(person.unit_no, ""),
            add_word=request.batch.programme.short_name,
            pay_month=payment.period[5:],
        )
