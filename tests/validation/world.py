"""A small county of known people, for the rule tests and the law tests.

`Planter` writes as the owner, under the triggers and policies but past the actions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import psycopg
from django.db import models
from psycopg import sql
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

from tests.validation.cast import (
    BANK,
    DEPARTMENT,
    FAR_AHEAD,
    HERE,
    LI_XIA,
    LONG_AGO,
    NOON,
    OTHER_TOWN,
    PERIOD,
    TOWN,
    index_of,
)
from tests.validation.indicators import plant_indicator
from tests.validation.rows import row
from yikatong.catalogue.models import BenefitStandard, Programme, Relation, RequiredRoster
from yikatong.kernel.actor import ALL_UNITS, Actor
from yikatong.kernel.names import normalised_name
from yikatong.organisation.models import County, PayingBank, Post, Unit, User
from yikatong.organisation.rules import department_unit
from yikatong.payout.models import BankShare, Payment
from yikatong.registry.models import (
    AccountVerification,
    CardAccount,
    CardAccountVersion,
    Guardian,
    Household,
    Person,
    RosterEntry,
    RosterLoad,
)
from yikatong.submission.bulk import STAGED
from yikatong.submission.models import Batch, Line
from yikatong.validation.models import LineVerdict

SETTINGS: Final = {
    "roster_max_age_days": 45,
    "account_change_days": 30,
    "checks": {
        "amount_change_percent": 50,
        "quantity_jump_percent": 50,
        "village_top": 1,
        "village_times": 3,
        "village_least": 4,
        "yearly_repeat_asks": 1,
        "phone_shared_by": 3,
    },
}


class Planter:
    """Writes rows as the owner, in one county's scope; what is not named gets a plain value."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.here = ""
        connection.execute("SET ROLE ykt_owner")

    @contextmanager
    def county(self, county: str) -> Iterator[Planter]:
        """Within: rows of this county, committed together at the end."""
        with self.connection.transaction():
            for name, value in zip(
                ("county", "unit_lo", "unit_hi", "department_no"),
                (county, *map(str, ALL_UNITS), str(DEPARTMENT)),
                strict=True,
            ):
                self.connection.execute("SELECT set_config(%s, %s, true)", [f"ykt.{name}", value])
            self.here = county
            yield self

    def put(self, model: type[models.Model], **values: Any) -> int:
        """Insert one row; a foreign key is given as its id. Gives (the first part of) its key."""
        given = dict(values)
        columns: dict[str, Any] = {}
        for field in model._meta.concrete_fields:
            if isinstance(field, models.BigAutoField) and field.name not in given:
                continue
            columns[field.column] = _written(field, given.pop(field.name, self._plain(field)))
        assert not given, f"{model.__name__} has no {sorted(given)}"
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
            sql.Identifier(model._meta.db_table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() * len(columns)),
            sql.Identifier(model._meta.pk_fields[0].column),
        )
        row = self.connection.execute(statement, list(columns.values())).fetchone()
        assert row is not None
        return row[0]

    def _plain(self, field: models.Field[Any, Any]) -> Any:
        if field.name == "county":
            return self.here
        if field.has_default():
            return field.get_default()
        if field.null:
            return None
        plain = {"unit_no": TOWN, "department_no": DEPARTMENT, "bank_no": BANK}
        by_kind: Mapping[type, Any] = {
            models.DateTimeField: NOON,
            models.DateField: LONG_AGO,
            models.BinaryField: index_of(field.name),
            models.BooleanField: False,
            models.IntegerField: 0,
            models.BigIntegerField: 0,
            models.DecimalField: Decimal(0),
        }
        return plain.get(field.name, by_kind.get(type(field), ""))

    # -- people and money, in words ---------------------------------------------------------------

    def person(
        self,
        name: str,
        *,
        born: date = date(1950, 5, 1),
        is_male: bool = False,
        household: int | None = None,
        unit_no: int = TOWN + 1,
        account: str | None = "own",
        account_name: str = "",
        outcome: str = "MATCH",
        phone: str = "",
    ) -> int:
        """A registered person; `account` names the number, None gives no account."""
        person = self.put(
            Person,
            unit_no=unit_no,
            id_index=index_of(name),
            name=name,
            name_key=normalised_name(name),
            is_male=is_male,
            birth_on=born,
            household=household,
            phone_index=index_of(f"phone {phone}") if phone else None,
        )
        if account is None:
            return person
        held = self.put(CardAccount, unit_no=unit_no, person=person)
        holder = account_name or name
        version = self.put(
            CardAccountVersion,
            unit_no=unit_no,
            account=held,
            number_index=index_of(f"card {name if account == 'own' else account}"),
            last4="8888",
            kind="CARD",
            account_name=holder,
            account_name_key=normalised_name(holder),
        )
        self.connection.execute(
            "UPDATE registry_cardaccount SET current_id = %s WHERE id = %s", [version, held]
        )
        if outcome:
            self.put(
                AccountVerification,
                unit_no=unit_no,
                version=version,
                outcome=outcome,
                account_status="FROZEN" if outcome == "MISMATCH" else "",
                verified_at=NOON,
                valid_until=FAR_AHEAD,
            )
        return person

    def household(self, number: str, head: str | None, *members: str) -> tuple[int, ...]:
        """A household and its people, the head first; gives their ids, the household's first."""
        home = self.put(Household, number=number)
        ids = [self.person(name, household=home) for name in ((head,) if head else ()) + members]
        if head:
            self.connection.execute(
                "UPDATE registry_household SET head_id = %s WHERE id = %s", [ids[0], home]
            )
        return (home, *ids)

    def changed_card(self, person: int, name: str, *, at: datetime) -> None:
        """A second version, entered at that instant, becomes the current one of the account."""
        held = self._value("SELECT id FROM registry_cardaccount WHERE person_id = %s", person)
        version = self.put(
            CardAccountVersion,
            unit_no=TOWN + 1,
            account=held,
            number_index=index_of(f"new card {name}"),
            last4="9999",
            kind="CARD",
            account_name=name,
            account_name_key=normalised_name(name),
            entered_at=at,
        )
        self.put(
            AccountVerification,
            unit_no=TOWN + 1,
            version=version,
            outcome="MATCH",
            verified_at=NOON,
            valid_until=FAR_AHEAD,
        )
        self.connection.execute(
            "UPDATE registry_cardaccount SET current_id = %s WHERE id = %s", [version, held]
        )

    def roster(
        self,
        kind: str,
        *names: str,
        as_of: date = FAR_AHEAD,
        since: date = LONG_AGO,
        **values: Any,
    ) -> int:
        """A load of this kind with these people; `values` are the same for each entry."""
        load = self.put(RosterLoad, kind=kind, as_of=as_of, rows=len(names))
        self.listed(load, kind, *names, since=since, **values)
        return load

    def listed(self, load: int, kind: str, *names: str, **values: Any) -> None:
        for name in names:
            self.put(
                RosterEntry,
                load=load,
                kind=kind,
                id_index=index_of(name),
                name=name,
                **{"since": LONG_AGO, **values},
            )

    def programme(self, code: str, *, standard: str | None = "100", **values: Any) -> int:
        """A programme to persons, standard × quantity, unless said otherwise."""
        defaults: dict[str, Any] = {
            "name": f"项目{code}",
            "short_name": f"项目{code}",
            "payee_kind": "person",
            "formula": "rate",
            "serial": int(code[1:]),
            "valid_from": LONG_AGO,
        }
        found = self.put(Programme, code=code, **{**defaults, **values})
        if standard is not None:
            self.put(
                BenefitStandard,
                programme_code=code,
                rate=Decimal(standard),
                valid=Range(LONG_AGO, None, "[)"),
            )
        return found

    def batch(self, number: str, programme: int, *, unit_no: int = TOWN, **values: Any) -> int:
        return self.put(
            Batch,
            number=number,
            programme=programme,
            unit_no=unit_no,
            made_by=LI_XIA.username,
            **{"period": PERIOD, **values},
        )

    def line(self, batch: int, code: str, name: str, *, unit_no: int = TOWN, **values: Any) -> int:
        staged = dict(zip((column for column, _ in STAGED), row(name), strict=True))
        chosen = {key: staged[key] for key in ("payee_name", "beneficiary_name", "amount_fen")}
        return self.put(
            Line,
            batch=batch,
            unit_no=unit_no,
            programme_code=code,
            payee_index=index_of(name),
            beneficiary_index=index_of(name),
            entered_by=LI_XIA.username,
            **{"period": PERIOD, **chosen, **values},
        )

    def payment(
        self, batch: int, line: int, person: int, code: str, *, unit_no: int = TOWN, **values: Any
    ) -> int:
        """The line passed and is with the bank; its share is its own if none is named."""
        amount = values.pop("amount_fen", 10_000)
        obligee = values.pop("obligee", person)
        one = self._value(
            "SELECT current_id FROM registry_cardaccount WHERE person_id = %s", person
        )
        self.put(
            LineVerdict,
            unit_no=unit_no,
            batch=batch,
            line=line,
            payee=person,
            beneficiary=person,
            household=self._value("SELECT household_id FROM registry_person WHERE id = %s", person),
            account_version=one,
            obligee_id=obligee,
            passed=True,
        )
        share = values.pop("share", None) or self.put(
            BankShare, unit_no=unit_no, batch=batch, batch_no=f"WIRE{batch:010d}"
        )
        return self.put(
            Payment,
            unit_no=unit_no,
            batch=batch,
            share=share,
            line=line,
            detail_id=f"D{line:012d}",
            seq=line,
            programme_code=code,
            period=values.pop("period", PERIOD),
            obligee_id=obligee,
            beneficiary_id=person,
            grade=self._value("SELECT grade FROM submission_line WHERE id = %s", line),
            quantity=self._value("SELECT quantity FROM submission_line WHERE id = %s", line),
            attempt=values.pop("attempt", 1),
            amount_fen=amount,
            account_version=one,
            **values,
        )

    def _value(self, query: str, *arguments: Any) -> Any:
        found = self.connection.execute(query, arguments).fetchone()  # type: ignore[call-overload]
        return None if found is None else found[0]

    def offices(self, settings: Mapping[str, Any] = SETTINGS) -> None:
        """The county of this scope: its towns, department, bank and officials."""
        slug = "pengshui" if self.here == HERE else "dadukou"
        self.put(County, slug=slug, name=slug, short_name=slug, settings=settings)
        kinds = Unit.Kind
        for unit_no, high, kind, name in (
            (1, 1, kinds.FINANCE, "财政局"),
            (TOWN, TOWN + 999, kinds.TOWN, "桑柘镇"),
            (TOWN + 1, TOWN + 1, kinds.VILLAGE, "大青村"),
            (OTHER_TOWN, OTHER_TOWN + 999, kinds.TOWN, "保家镇"),
            (department_unit(DEPARTMENT), department_unit(DEPARTMENT), kinds.DEPARTMENT, "民政局"),
            (950_001, 950_001, kinds.BANK, "农商行"),
            (990_001, 990_001, kinds.AUDIT, "审计局"),
        ):
            self.put(
                Unit,
                unit_no=unit_no,
                unit_hi=high,
                kind=kind,
                name=name,
                department_no=DEPARTMENT if kind == kinds.DEPARTMENT else None,
                bank_no=BANK if kind == kinds.BANK else None,
            )
        self.put(PayingBank, unit_no=0, code3="CRB", name="农商行", payout_account="1")
        plant_indicator(self, "", balance_fen=10**13)

    def officials(self, actors: Sequence[Actor]) -> None:
        for actor in actors:
            user = self.put(User, username=actor.username, name=actor.name)
            unit = self._value(
                "SELECT id FROM organisation_unit WHERE county = %s AND unit_no = %s",
                actor.scope.county,
                actor.unit_no,
            )
            self.put(Post, user=user, unit=unit, duty=actor.duty.value)

    def relation(self, one: str, other: str, **values: Any) -> None:
        self.put(
            Relation,
            **{
                "code_a": one,
                "code_b": other,
                "kind": "DENY",
                "scope": "person",
                "severity": "block",
                "legal_basis": "国发〔2016〕14号",
                "since": LONG_AGO,
                **values,
            },
        )

    def requires(self, code: str, kind: str, severity: str, days: int = 36_500) -> None:
        self.put(
            RequiredRoster, programme_code=code, kind=kind, severity=severity, max_age_days=days
        )

    def guardian(self, person: int, guardian: int, **values: Any) -> None:
        told = {"relation": "父", "evidence": "户口簿", **values}
        self.put(Guardian, person=person, guardian=guardian, **told)


def _written(field: models.Field[Any, Any], value: Any) -> Any:
    return Jsonb(value) if isinstance(field, models.JSONField) else value
