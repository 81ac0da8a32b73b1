"""Reads of notices. The public process sees these tables and nothing of the rest."""

from __future__ import annotations

from datetime import date

from django.db.models import QuerySet, Sum

from yikatong.disclosure.models import Disclosure, DisclosureRow
from yikatong.disclosure.rules import PaidFact
from yikatong.kernel.actor import Scope
from yikatong.kernel.period import Period
from yikatong.organisation.models import County
from yikatong.organisation.queries import counties_of_home
from yikatong.payout.models import Payment
from yikatong.payout.rules import PaymentState
from yikatong.registry.models import Person
from yikatong.submission.models import Batch


def paid_facts(batch: Batch, *, scope: Scope) -> list[PaidFact]:
    """What was paid in this batch, in the shape that the projection reads."""
    on = Period.parse(batch.period).last_day
    payments = (
        Payment.objects.filter(county=scope.county, batch=batch, state=PaymentState.PAID)
        .select_related("line", "line__verdict__beneficiary")
        .order_by("line_id")
        .only(
            "amount_fen", "line__village", "line__village_group", "line__beneficiary_name",
            "line__quantity", "line__standard", "line__verdict__beneficiary__birth_on",
        )
    )  # fmt: skip
    return [
        PaidFact(
            payment.line.village,
            payment.line.village_group,
            payment.line.beneficiary_name,
            _age(payment.line.verdict.beneficiary, on),
            payment.line.quantity,
            payment.line.standard,
            payment.amount_fen,
        )
        for payment in payments.iterator(chunk_size=2000)
    ]


def notices_on(day: date, *, scope: Scope | None = None) -> QuerySet[Disclosure]:
    """Notices within their period; of one county where a scope is given."""
    notices = Disclosure.objects.filter(from_on__lte=day, until_on__gte=day)
    return (notices if scope is None else notices.filter(county=scope.county)).order_by("-id")


def notice_by_slug(slug: str) -> Disclosure | None:
    found: Disclosure | None = Disclosure.objects.filter(slug=slug).first()
    return found


def rows_of(notice: Disclosure, *, scope: Scope | None = None) -> QuerySet[DisclosureRow]:
    rows = DisclosureRow.objects.filter(disclosure=notice).order_by("seq")
    return rows if scope is None else rows.filter(county=scope.county)


def _age(person: Person | None, on: date) -> int | None:
    if person is None:
        return None
    birth_on = person.birth_on
    return on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))


def disclosed_lines(numbers: list[str], *, scope: Scope) -> int:
    """How many paid lines the publications of these batches cover."""
    notices = Disclosure.objects.filter(county=scope.county, batch__number__in=numbers)
    return int(notices.aggregate(n=Sum("lines"))["n"] or 0)


def notices_of(*, scope: Scope) -> QuerySet[Disclosure]:
    """Every notice that the scope may see, ended ones too, newest first."""
    return Disclosure.objects.filter(county=scope.county).order_by("-id")


def notice_of_batch(batch: Batch, *, scope: Scope) -> Disclosure | None:
    found: Disclosure | None = Disclosure.objects.filter(county=scope.county, batch=batch).first()
    return found


def disclosing_counties(*, scope: Scope | None = None) -> list[County]:
    """The counties of this home, for the public site's own choice; names and the hotline only."""
    counties = list(counties_of_home())
    return [one for one in counties if scope is None or one.county == scope.county]


def notices_shown(
    day: date, *, programme_name: str = "", scope: Scope | None = None
) -> QuerySet[Disclosure]:
    """Notices in their period, of one programme where one is named."""
    found = notices_on(day, scope=scope)
    return found.filter(programme_name=programme_name) if programme_name else found


def programmes_shown(day: date, *, scope: Scope | None = None) -> list[str]:
    """Names of the programmes that have a notice in its period."""
    found = notices_on(day, scope=scope).order_by().values_list("programme_name", flat=True)
    return sorted(set(found.distinct()))
