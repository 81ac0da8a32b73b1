"""Writes the law into a database: views, triggers, policies, grants, invariants.

Runs as the owner inside one transaction, after migrations, and may run again at any time: what
stands in this folder is then exactly what the catalog holds. `lift.sql` takes it away before the
tables under it change.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

FOLDER: Final = Path(__file__).parent
OFFICIALS: Final = ("village", "town", "department", "finance", "bank", "audit")
ALL_ROLES: Final = (
    *OFFICIALS,
    "sysadmin",
    "secadmin",
    "auditadmin",
    "web",
    "worker",
    "public",
    "backup",
)
# whose scope may be less than a county; the owner's own tables force his policies on him too
SCOPED: Final = ", ".join(
    f"ykt_{role}" for role in ("owner", *(one for one in ALL_ROLES if one != "worker"))
)
OUTSIDE: Final = frozenset({"public", "backup"})  # may not append to the chain or queue a job

# each may name what those before it made
SCRIPTS: Final = (
    "views.sql",
    "triggers.sql",
    "payments.sql",
    "ledger.sql",
    "funding.sql",
    "kept.sql",
    "reconcile.sql",
    "returning.sql",
    "cure.sql",
    "backfill.sql",
)

APPEND_ONLY: Final = (
    "audit_auditevent",
    "feedback_paymentresult",
    "feedback_resultfile",
    "feedback_refund",
    "feedback_refundorder",
    "feedback_dayaccount",
    "feedback_smsreport",
    "feedback_dayentry",
    "feedback_reconciliation",
    "feedback_reconciliationsum",
    "feedback_difference",
    "feedback_differenceword",
    "feedback_monthstatement",
    "funding_treasuryentry",
    "funding_treasuryconfirmation",
    "funding_indicatorreading",
    "funding_fundingmatch",
    "accounting_recovery",
    "payout_paymentinstruction",
    "registry_cardaccountversion",
    "registry_accountverification",
    "review_reviewverdict",
    "submission_approval",
    "submission_batchmove",
    "submission_confirmation",
    "submission_sourcefile",
    "validation_finding",
    "validation_lineverdict",
    "validation_periodchange",
    "validation_ruleoutcome",
    "accounting_voucher",
    "accounting_voucherentry",
    "accounting_ledgerposting",
    "accounting_ledgerleg",
    "disclosure_disclosure",
    "disclosure_disclosurerow",
)

IN_COUNTY: Final = "county = current_setting('ykt.county', true)"
IN_COUNTY_ONCE: Final = "county = (SELECT current_setting('ykt.county', true))"
IN_UNITS: Final = (
    "unit_no BETWEEN nullif(current_setting('ykt.unit_lo', true), '')::int"
    " AND nullif(current_setting('ykt.unit_hi', true), '')::int"
)
IN_DEPARTMENT: Final = "department_no = nullif(current_setting('ykt.department_no', true), '')::int"
IN_BANK: Final = "bank_no = nullif(current_setting('ykt.bank_no', true), '')::int"
WHOLE_COUNTY: Final = "nullif(current_setting('ykt.unit_hi', true), '')::int = 2147483647"
# a department reads people and cards of its county: its programmes are paid to them
ANY_DEPARTMENT: Final = "nullif(current_setting('ykt.department_no', true), '') IS NOT NULL"

# seen by everyone of the county: names of units and banks, the 清单
COUNTY_WIDE: Final = ("organisation_unit", "organisation_payingbank", "catalogue_programme")

# views carry their tables' policies; the edges of both journeys are public knowledge
NOT_TABLES: Final = frozenset(
    {
        "paid",
        "share_due",
        "share_refund",
        "line_outlook",
        "live_payment",
        "request_refund",
        "request_kept",
        "reissue",
        "three_way",
        "cure",
        "cure_median",
        "residue",
        "kept_in_vain",
        "standing_difference",
        "recon_r1",
        "recon_r2",
        "recon_r3",
        "recon_r4",
        "recon_r5",
        "recon_r6",
        "journey_edge",
    }
)

EXTRA_POLICIES: Final = (
    # sign-in looks up a post before any scope is known
    (
        "organisation_unit",
        "sign_in_reads_units",
        "FOR SELECT TO ykt_web, ykt_secadmin USING (true)",
    ),
    (
        "organisation_county",
        "everyone_reads_names",
        "FOR SELECT TO ykt_web, ykt_worker, ykt_public USING (true)",
    ),
    # a bank sees the batches that it has a share in
    (
        "submission_batch",
        "bank_sees_its_batches",
        "FOR SELECT TO ykt_bank USING (EXISTS (SELECT FROM payout_bankshare AS share"
        " WHERE share.batch_id = submission_batch.id))",
    ),
    # a village sees the lines of its own people, whichever unit drafted them, and nothing more
    (
        "submission_line",
        "village_sees_its_people",
        "FOR SELECT TO ykt_village USING (EXISTS (SELECT FROM registry_person AS person"
        " WHERE person.county = submission_line.county"
        " AND person.id_index = submission_line.beneficiary_index))",
    ),
    (
        "submission_batch",
        "village_sees_its_batches",
        "FOR SELECT TO ykt_village USING (EXISTS (SELECT FROM submission_line AS line"
        " WHERE line.batch_id = submission_batch.id))",
    ),
    # the chain is one over all counties: it is appended by its definer and proved by the worker
    ("audit_auditevent", "chain_is_appended", "FOR INSERT TO ykt_owner WITH CHECK (true)"),
    (
        "audit_auditevent",
        "chain_is_proved",
        "FOR SELECT TO ykt_worker, ykt_auditadmin USING (true)",
    ),
    # what an indicator still holds is counted over all units, by the definer under its lock
    ("funding_indicatorhold", "holds_are_kept", f"TO ykt_owner USING ({IN_COUNTY})"),
    # so is what residue has paid already
    ("funding_keptresidue", "kept_is_counted", f"TO ykt_owner USING ({IN_COUNTY})"),
    ("feedback_refundorder", "orders_are_counted", f"FOR SELECT TO ykt_owner USING ({IN_COUNTY})"),
    # the ledger is written by its definer in whatever scope the money moved, and checked whole
    ("accounting_ledgerposting", "ledger_is_kept", "FOR INSERT TO ykt_owner WITH CHECK (true)"),
    ("accounting_ledgerposting", "ledger_is_read", "FOR SELECT TO ykt_owner USING (true)"),
    ("accounting_ledgerleg", "ledger_is_kept", "FOR INSERT TO ykt_owner WITH CHECK (true)"),
    ("accounting_ledgerleg", "ledger_is_read", "FOR SELECT TO ykt_owner USING (true)"),
    ("disclosure_disclosure", "public_reads", "FOR SELECT TO ykt_public USING (true)"),
    ("disclosure_disclosurerow", "public_reads", "FOR SELECT TO ykt_public USING (true)"),
    ("catalogue_programme", "public_reads", "FOR SELECT TO ykt_public USING (true)"),
    ("catalogue_benefitstandard", "public_reads", "FOR SELECT TO ykt_public USING (true)"),
)

DEFINERS: Final = (
    "audit_lock_head()",
    "audit_append(jsonb, bytea, bytea, bytea)",
    "indicator_available(bigint)",
    "payment_kind(text, int)",
    "residue_free(bigint)",
    "residue_usable(bigint)",
    "origin_of_money(bigint)",
    "indicator_of(bigint, int, int)",
    "procrastinate_defer_jobs_v1(procrastinate_job_to_defer_v1[])",
)

# without those of the extensions
OWN_FUNCTIONS: Final = """DO $$ DECLARE own regprocedure; BEGIN
FOR own IN SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    AND proowner = 'ykt_owner'::regrole LOOP EXECUTE format('{what}', own); END LOOP; END $$"""


class Cursor(Protocol):
    """What we need of a DB-API cursor, Django's or psycopg's."""

    def execute(self, query: Any, params: Any = None, /) -> Any: ...
    def fetchall(self) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class TableGrants:
    """One section of grants.toml; role names without their prefix."""

    table: str
    read: tuple[str, ...]
    all_but: tuple[str, ...]
    insert: tuple[str, ...]
    update: Mapping[str, tuple[str, ...]]
    delete: tuple[str, ...]


def matrix() -> tuple[TableGrants, ...]:
    """The grant matrix as data. Raises ValueError for a role or a key that does not exist."""
    content = tomllib.loads((FOLDER / "grants.toml").read_text(encoding="utf-8"))
    return tuple(_parsed(table, section) for table, section in content.items())


def lift(cursor: Cursor) -> None:
    """Take away what would hold a table's columns fast while migrations change them.

    Until `apply` nobody but the owner reads or writes a row: row security stays on, without a
    policy that lets anyone through.
    """
    cursor.execute((FOLDER / "lift.sql").read_text(encoding="utf-8"))


def apply(cursor: Cursor) -> None:
    """Everything, in order; later parts need the earlier ones."""
    columns = _columns(cursor)
    for script in SCRIPTS:
        cursor.execute((FOLDER / script).read_text(encoding="utf-8"))
    for statement in _append_only():
        cursor.execute(statement)
    for statement in _policies(columns):
        cursor.execute(statement)
    cursor.execute((FOLDER / "invariants.sql").read_text(encoding="utf-8"))
    for statement in _grants(_columns(cursor)):
        cursor.execute(statement)


def _parsed(table: str, section: Mapping[str, Any]) -> TableGrants:
    unknown = set(section) - {"read", "all_but", "insert", "update", "delete"}
    if unknown:
        raise ValueError(f"grants.toml [{table}]: unknown key {sorted(unknown)}")
    update = {
        role: tuple(columns) if isinstance(columns, list) else ("*",)
        for role, columns in section.get("update", {}).items()
    }
    grants = TableGrants(
        table,
        _roles(section.get("read", ())),
        tuple(section.get("all_but", ())),
        _roles(section.get("insert", ())),
        update,
        _roles(section.get("delete", ())),
    )
    for role in (*grants.read, *grants.insert, *grants.update, *grants.delete):
        if role not in ALL_ROLES:
            raise ValueError(f"grants.toml [{table}]: unknown role {role}")
    return grants


def _roles(names: Iterable[str]) -> tuple[str, ...]:
    flat: list[str] = []
    for name in names:
        flat.extend(OFFICIALS if name == "officials" else (name,))
    return tuple(dict.fromkeys(flat))


def _columns(cursor: Cursor) -> dict[str, tuple[str, ...]]:
    """Columns of every table and view of ours, in order."""
    cursor.execute(
        "SELECT relation.relname, array_agg(attribute.attname ORDER BY attribute.attnum)"
        " FROM pg_class AS relation"
        " JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace"
        " JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid"
        " WHERE namespace.nspname = 'public' AND relation.relkind IN ('r', 'p', 'v')"
        " AND attribute.attnum > 0 AND NOT attribute.attisdropped GROUP BY relation.relname"
    )
    return {str(name): tuple(columns) for name, columns in cursor.fetchall()}


def _append_only() -> Iterator[str]:
    for table in APPEND_ONLY:
        yield f"DROP TRIGGER IF EXISTS append_only ON {table}"
        yield (
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for table in (
        *APPEND_ONLY,
        "submission_line",
        "submission_batch",
        "payout_payment",
        "payout_bankshare",
    ):
        yield f"DROP TRIGGER IF EXISTS never_truncated ON {table}"
        yield (
            f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def scope_expression(table: str, columns: tuple[str, ...]) -> str:
    """The condition under which a row is in the scope that the transaction was opened with."""
    if table in COUNTY_WIDE:
        return IN_COUNTY
    ranges = []
    if "unit_no" in columns:
        ranges.append(IN_UNITS)
    if "department_no" in columns:
        ranges.append(IN_DEPARTMENT)
    elif table.startswith("registry_") and ranges:
        ranges.append(ANY_DEPARTMENT)
    if "bank_no" in columns:
        ranges.append(IN_BANK)
    if ranges and "unit_no" not in columns:
        ranges.append(WHOLE_COUNTY)
    return f"{IN_COUNTY} AND ({' OR '.join(ranges)})" if ranges else IN_COUNTY


def _policies(columns: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    tables = {grants.table for grants in matrix()}
    for table in sorted(tables & set(columns)):
        if "county" not in columns[table] or table in NOT_TABLES:
            continue
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        yield f"DROP POLICY IF EXISTS in_scope ON {table}"
        yield (
            f"CREATE POLICY in_scope ON {table} TO {SCOPED}"
            f" USING ({scope_expression(table, columns[table])})"
        )
        # a machine's scope is its county, asked once a statement: else a third of a scan
        yield f"DROP POLICY IF EXISTS worker_in_county ON {table}"
        yield f"CREATE POLICY worker_in_county ON {table} TO ykt_worker USING ({IN_COUNTY_ONCE})"
    for table, name, body in EXTRA_POLICIES:
        yield f"DROP POLICY IF EXISTS {name} ON {table}"
        yield f"CREATE POLICY {name} ON {table} {body}"


def _grants(columns: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    everyone = ", ".join(f"ykt_{role}" for role in ALL_ROLES)
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {everyone}"
    yield OWN_FUNCTIONS.format(what=f"REVOKE ALL ON FUNCTION %s FROM PUBLIC, {everyone}")
    yield f"GRANT USAGE ON SCHEMA public TO {everyone}"
    yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    # where a long list is judged: its tables are gone before their transaction ends
    yield "CREATE SCHEMA IF NOT EXISTS judging"
    yield "GRANT USAGE, CREATE ON SCHEMA judging TO ykt_worker"
    for table, every in columns.items():  # a REVOKE on a table leaves its column grants standing
        listed = ", ".join(f'"{column}"' for column in every)
        yield f"REVOKE ALL ({listed}) ON {table} FROM {everyone}"
    for grants in matrix():
        yield from _granted(grants, columns[grants.table])
    for view in sorted(name for name in columns if name.startswith("inv_")):
        yield f"GRANT SELECT ON {view} TO ykt_worker, ykt_audit"
    yield "GRANT SELECT ON batch_makers TO ykt_worker, ykt_audit"
    yield (
        "GRANT USAGE ON SEQUENCE batch_number_seq, bank_batch_seq"
        " TO ykt_town, ykt_department, ykt_worker"
    )
    inside = ", ".join(f"ykt_{role}" for role in ALL_ROLES if role not in OUTSIDE)
    for function in DEFINERS:
        yield f"GRANT EXECUTE ON FUNCTION {function} TO {inside}"
    yield (
        "ALTER FUNCTION procrastinate_defer_jobs_v1(procrastinate_job_to_defer_v1[])"
        " SECURITY DEFINER SET search_path = public, pg_temp"
    )
    yield OWN_FUNCTIONS.format(what="GRANT EXECUTE ON FUNCTION %s TO ykt_worker")
    # the queue's tables count by sequences of their own; ours are identity columns
    yield "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ykt_worker"
    yield "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ykt_backup"
    for trigger_function in ("refuse_change", "lines_only_in_draft", "batch_is_born_a_draft"):
        yield f"GRANT EXECUTE ON FUNCTION {trigger_function}() TO {everyone}"


def _granted(grants: TableGrants, columns: tuple[str, ...]) -> Iterator[str]:
    open_columns = ", ".join(f'"{column}"' for column in columns if column not in grants.all_but)
    for role in grants.read:
        if grants.all_but and role != "worker":
            yield f"GRANT SELECT ({open_columns}) ON {grants.table} TO ykt_{role}"
        else:
            yield f"GRANT SELECT ON {grants.table} TO ykt_{role}"
    for role in grants.insert:
        yield f"GRANT INSERT ON {grants.table} TO ykt_{role}"
    for role, which in grants.update.items():
        listed = "" if which == ("*",) else f" ({', '.join(which)})"
        yield f"GRANT UPDATE{listed} ON {grants.table} TO ykt_{role}"
    for role in grants.delete:
        yield f"GRANT DELETE ON {grants.table} TO ykt_{role}"
