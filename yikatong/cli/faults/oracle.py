"""The judgement: the bank's books beside ours, by account, which no number of ours can blind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yikatong.cli import session
from yikatong.cli.faults.stage import COUNTY, SLUG


@dataclass(frozen=True, slots=True)
class Judgement:
    """`double`: payments of the bank beyond our intents; `lost`: intents that nobody paid."""

    double: int
    lost: int
    difference_fen: int

    @property
    def is_sound(self) -> bool:
        return (self.double, self.lost, self.difference_fen) == (0, 0, 0)


def judged(
    ours: Mapping[str, Iterable[int]], theirs: Mapping[str, Iterable[int]], ledger_fen: int
) -> Judgement:
    """Of each account, the amounts (fen) that we hold as paid and those that the bank paid."""
    double = lost = 0
    for account in {*ours, *theirs}:
        held, paid = Counter(ours.get(account, ())), Counter(theirs.get(account, ()))
        double += (paid - held).total()
        lost += (held - paid).total()
    bank_fen = sum(sum(amounts) for amounts in theirs.values())
    our_fen = sum(sum(amounts) for amounts in ours.values())
    return Judgement(double, lost, max(abs(bank_fen - our_fen), abs(bank_fen - ledger_fen)))


def theirs(books: Mapping[str, Any], *, after: int = 0) -> dict[str, list[int]]:
    """Account → fen of each payment in the bank's books, from its `after`-th on."""
    found: dict[str, list[int]] = {}
    for row in books["payments"][after:]:
        found.setdefault(row["acct_no"], []).append(int(row["amount_fen"]))
    return found


def ours() -> dict[str, Any]:
    """What we hold, asked by the worker's login: paid per account, and our own three sums.

    `{"paid": {account: [fen]}, "intents_fen", "final_fen", "ledger_fen", "ledger_lines", "open"}`
    """
    session.log_in("worker")
    from django.db import connection

    from yikatong.organisation.scoping import acting
    from yikatong.payout.models import Payment
    from yikatong.registry.messages import NUMBER_FIELD
    from yikatong.vault.access import the_vault

    vault, numbers = the_vault(), dict[int, str]()
    paid: dict[str, list[int]] = {}
    with acting(session.machine_for(COUNTY)):
        # what came back afterwards was paid out once all the same
        paid_out = Payment.objects.filter(county=COUNTY, state__in=("PAID", "RETURNED"))
        rows = paid_out.values_list(
            "account_version_id", "amount_fen", "account_version__number_cipher"
        )
        for version, fen, cipher in rows:
            if version not in numbers:
                plain = vault.decrypt(bytes(cipher), county=COUNTY, field=NUMBER_FIELD)
                numbers[version] = plain.decode()
            paid.setdefault(numbers[version], []).append(fen)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT (SELECT coalesce(sum(amount_fen), 0) FROM payout_paymentinstruction),"
                " (SELECT coalesce(sum(amount_fen), 0) FROM payout_payment"
                "  WHERE state IN ('PAID', 'FAILED', 'RETURNED')),"
                " (SELECT coalesce(sum(amount_fen), 0) FROM accounting_ledgerposting"
                "  WHERE kind IN ('LINE_PAID', 'REISSUE_PAID')),"
                " (SELECT coalesce(sum(lines), 0) FROM accounting_ledgerposting"
                "  WHERE kind IN ('LINE_PAID', 'REISSUE_PAID')),"
                " (SELECT count(*) FROM payout_payment WHERE state IN ('SENT', 'UNKNOWN')),"
                " (SELECT count(*) FROM payout_payment WHERE state <> 'WITHDRAWN')"
            )
            intents, final, fen, lines, still_open, payments = cursor.fetchone()
    return {
        "paid": paid, "intents_fen": int(intents), "final_fen": int(final),
        "ledger_fen": int(fen), "ledger_lines": int(lines), "open": still_open,
        "payments": payments,
    }  # fmt: skip


def to_do() -> int:
    """How many open 异常挂账 the county's finance, who may clear each of them, has before it."""
    session.log_in("web")
    from yikatong.jobs.queries import open_quarantine
    from yikatong.organisation.queries import actors_of
    from yikatong.organisation.scoping import acting

    finance = actors_of(f"{SLUG}-finance", via=session.VIA)[0]
    with acting(finance):
        return int(open_quarantine(scope=finance.scope).count())
