"""Reads of people, cards and rosters, in a scope. Ciphertext columns are never read here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, F, Max, Min, OuterRef, QuerySet

from yikatong.catalogue.models import Programme
from yikatong.catalogue.queries import required_rosters
from yikatong.catalogue.specs import roster_word
from yikatong.kernel.actor import Scope
from yikatong.kernel.errors import Refused
from yikatong.kernel.names import normalised_name
from yikatong.kernel.period import Period
from yikatong.kernel.resident_id import normalised_id
from yikatong.registry.models import (
    AccountChange,
    AccountVerification,
    CardAccount,
    CardAccountVersion,
    Person,
    RosterEntry,
    RosterLoad,
    VerificationRequest,
)
from yikatong.vault.access import the_vault

SECRET = ("id_cipher", "phone_cipher")


def persons(*, scope: Scope) -> QuerySet[Person]:
    return Person.objects.filter(county=scope.county).defer(*SECRET)


def active_account_of(person: Person, *, scope: Scope) -> CardAccount:
    """Raises Refused for a person without an active account."""
    found: CardAccount | None = CardAccount.objects.filter(
        county=scope.county, person=person, is_active=True
    ).first()
    if found is None:
        raise Refused(f"{person.name}没有启用的一卡通账户，请先登记账户。")
    return found


def account_by_id(account_id: int, *, scope: Scope) -> CardAccount:
    found: CardAccount | None = (
        CardAccount.objects.filter(county=scope.county, pk=account_id)
        .select_related("person")
        .defer("person__id_cipher", "person__phone_cipher")
        .first()
    )
    if found is None:
        raise Refused("没有这个账户，或不在您的办理范围内。")
    return found


def current_versions(*, scope: Scope) -> QuerySet[CardAccountVersion]:
    """The version in force of each active account."""
    return CardAccountVersion.objects.filter(
        county=scope.county, pk__in=CardAccount.objects.filter(is_active=True).values("current_id")
    ).defer("number_cipher")


def open_changes(*, scope: Scope) -> QuerySet[AccountChange]:
    return AccountChange.objects.filter(county=scope.county, state=AccountChange.State.PROPOSED)


def rosters_not_fresh(
    programme: Programme, period: Period, *, today: date, scope: Scope
) -> list[tuple[str, str]]:
    """(kind, sentence) of each roster of this programme that is missing or too old for the period.

    The age is counted against the period's last day, or today where that is still to come.
    """
    day = min(period.last_day, today)
    newest = dict(
        RosterLoad.objects.filter(county=scope.county).values_list("kind").annotate(Max("as_of"))
    )
    found: list[tuple[str, str]] = []
    for needed in required_rosters(programme.code, scope=scope):
        word = roster_word(needed.kind)
        as_of = newest.get(needed.kind)
        if as_of is None:
            found.append((needed.kind, f"还没有导入“{word}”名册，无法比对。"))
        elif as_of + timedelta(days=needed.max_age_days) < day:
            found.append(
                (
                    needed.kind,
                    f"“{word}”名册是 {as_of} 的，超过 {needed.max_age_days} 天，视为未比对。",
                )
            )
    return found


def verification_request(request_id: int, *, scope: Scope) -> VerificationRequest:
    found: VerificationRequest = VerificationRequest.objects.filter(county=scope.county).get(
        pk=request_id
    )
    return found


def request_by_number(batch_no: str, *, scope: Scope) -> VerificationRequest | None:
    found: VerificationRequest | None = (
        VerificationRequest.objects.filter(county=scope.county, batch_no=batch_no)
        .select_related("for_change")
        .first()
    )
    return found


def people_named(name: str, *, scope: Scope) -> QuerySet[Person]:
    """Whose name begins so, with the account in force; all of the scope for an empty name."""
    found = persons(scope=scope).select_related("household")
    return found.filter(name_key__startswith=normalised_name(name)) if name.strip() else found


def person_by_index(id_index: bytes, *, scope: Scope) -> Person | None:
    found: Person | None = persons(scope=scope).filter(id_index=id_index).first()
    return found


def find_person(person_id: int, *, scope: Scope) -> Person | None:
    found: Person | None = (
        persons(scope=scope).select_related("household").filter(pk=person_id).first()
    )
    return found


def versions_in_force(
    person_ids: Collection[int], *, scope: Scope
) -> dict[int, CardAccountVersion]:
    """The account version in force of each person, in one query; its account beside it."""
    versions = (
        CardAccountVersion.objects.filter(
            county=scope.county, account__person_id__in=list(person_ids), account__is_active=True
        )
        .filter(account__current_id=F("id"))
        .select_related("account")
        .defer("number_cipher")
    )
    return {version.account.person_id: version for version in versions}


def versions_of(account: CardAccount, *, scope: Scope) -> QuerySet[CardAccountVersion]:
    """Every version that an account had, newest first."""
    return (
        CardAccountVersion.objects.filter(county=scope.county, account=account)
        .defer("number_cipher")
        .order_by("-id")
    )


def latest_verifications(
    version_ids: Collection[int], *, scope: Scope
) -> dict[int, AccountVerification]:
    """The newest word of a bank on each version, in one query."""
    answers = (
        AccountVerification.objects.filter(county=scope.county, version_id__in=list(version_ids))
        .order_by("version_id", "-verified_at")
        .distinct("version_id")
    )
    return {answer.version_id: answer for answer in answers}


def versions_before(
    changes: Collection[AccountChange], *, scope: Scope
) -> dict[int, CardAccountVersion]:
    """By change: the version that was in force when it was proposed, in one query."""
    found: dict[int, CardAccountVersion] = {}
    versions = CardAccountVersion.objects.filter(
        county=scope.county, account_id__in=[change.account_id for change in changes]
    )
    for version in versions.defer("number_cipher").order_by("id"):
        for change in changes:
            if change.account_id == version.account_id and version.entered_at <= change.proposed_at:
                found[change.pk] = version
    return found


def without_account(*, scope: Scope) -> int:
    """How many people of the scope have no account in force."""
    holders = CardAccount.objects.filter(county=scope.county, is_active=True)
    return persons(scope=scope).exclude(pk__in=holders.values("person_id")).count()


def account_changes(*, scope: Scope, state: str = "") -> QuerySet[AccountChange]:
    """账户变更 of the scope, newest first."""
    found = (
        AccountChange.objects.filter(county=scope.county)
        .select_related("account__person", "account__current")
        .defer(
            "number_cipher",
            "account__person__id_cipher",
            "account__person__phone_cipher",
            "account__current__number_cipher",
        )
        .order_by("-id")
    )
    return found.filter(state=state) if state else found


def open_changes_of(person: Person, *, scope: Scope) -> QuerySet[AccountChange]:
    """What was proposed for one person and is not decided."""
    return account_changes(scope=scope, state=AccountChange.State.PROPOSED).filter(
        account__person=person
    )


def find_change(change_id: int, *, scope: Scope) -> AccountChange | None:
    """One change, with the sealed new number that its confirmation reads."""
    found: AccountChange | None = (
        account_changes(scope=scope)
        .defer(None)
        .defer(
            "account__person__id_cipher",
            "account__person__phone_cipher",
            "account__current__number_cipher",
        )
        .filter(pk=change_id)
        .first()
    )
    return found


def versions_with_secrets(*, scope: Scope) -> QuerySet[CardAccountVersion]:
    """Versions in force with their ciphertexts; only the worker's grants reach these columns."""
    return CardAccountVersion.objects.filter(
        county=scope.county, pk__in=CardAccount.objects.filter(is_active=True).values("current_id")
    ).select_related("account__person")


def person_by_id_number(number: str, *, scope: Scope) -> Person:
    """A person by the id number, through the blind index; the number itself is not stored in clear.

    Raises:
        Refused: nobody of that number in this scope.
    """
    index = the_vault().blind_index(scope.county, normalised_id(number))
    found: Person | None = persons(scope=scope).filter(id_index=index).first()
    if found is None:
        raise Refused("没有登记这个身份证号，或不在您的办理范围内。")
    return found


def change_to_verify(change_id: int, *, scope: Scope) -> AccountChange:
    """A change with the ciphertexts that a question to the bank needs; for the worker only."""
    found: AccountChange = (
        AccountChange.objects.filter(county=scope.county)
        .select_related("account__person")
        .get(pk=change_id)
    )
    return found


def change_by_id(change_id: int, *, scope: Scope) -> AccountChange:
    found: AccountChange | None = (
        AccountChange.objects.filter(county=scope.county, pk=change_id)
        .select_related("account")
        .first()
    )
    if found is None:
        raise Refused("没有这份账户变更，或不在您的办理范围内。")
    return found


def sample_people(*, scope: Scope) -> tuple[int, datetime | None]:
    """How many made-up people there are, and since when."""
    told = Person.objects.filter(county=scope.county, is_sample=True).aggregate(
        people=Count("id"), since=Min("entered_at")
    )
    return told["people"], told["since"]


def newest_roster(kind: str, *, scope: Scope) -> date | None:
    """The as-of date of the roster of this kind that is compared with; None where there is none."""
    of_kind = RosterLoad.objects.filter(county=scope.county, kind=kind)
    found: date | None = of_kind.aggregate(newest=Max("as_of"))["newest"]
    return found


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Of the roster before the newest one: its as-of date, and how many people of it who are still
    valid the newest does not name. A roster replaces the one before, it does not add to it.
    """

    as_of: date
    people: int

    @property
    def sentence(self) -> str:
        return (
            f"上一份（截止 {self.as_of}）里有 {self.people} 人不在这一份里，以后按不在册比对。"
            "名册每次整份替换：如果这一份只有新增的人，请连同原来的合成一份重新导入。"
        )


def left_out_of_newest(kind: str, *, scope: Scope) -> LeftOut | None:
    """Whom the newest roster of this kind dropped; None where nobody, or where it is the first."""
    loads = RosterLoad.objects.filter(county=scope.county, kind=kind).order_by("-as_of", "-pk")
    newest, before = [*loads[:2], None, None][:2]
    if newest is None or before is None:
        return None
    named = RosterEntry.objects.filter(load=newest, id_index=OuterRef("id_index"))
    gone = RosterEntry.objects.filter(~Exists(named), load=before).exclude(until__lt=newest.as_of)
    people = gone.values("id_index").distinct().count()
    return LeftOut(before.as_of, people) if people else None
