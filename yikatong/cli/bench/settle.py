"""`settle`: a bank's result file read and applied once, with events, the ledger and the split of
what failed, against a bare COPY of the batch's lines (one reference for `load`, `batch` and this:
speed.md §3). A bare COPY of the result rows themselves, which are narrower, is told beside it.

The batch is made by the product up to its shares; that the banks have its money and its release
is written by the administrator, since no bank is measured here. The file begins where `bankfile`
ends: its signature is checked and it is decrypted, its text is still to be read.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from yikatong.cli import session
from yikatong.cli.bench import batch, harness, sheets, world
from yikatong.jobs.queue import LANES
from yikatong.kernel.digest import sm3

ROWS: Final = 500_000
# rows/s ≥ 0.25 × bare COPY, told as time: lower is better (speed.md §3 e)
TARGET: Final = 4.0
ROUNDS: Final = 3
FAILED_EVERY: Final = 50
SCRATCH: Final = "bench_bare_results"
# what results and their release leave beside what `batch.forget` takes out, in the order of their
# keys; whole tables, as nothing else of this world has any: a run may have ended half way
LEFT: Final = (
    "feedback_paymentresult",
    "feedback_resultfile",
    "accounting_ledgerleg",
    "accounting_ledgerposting",
    "payout_paymentinstruction",
)
RELEASED: Final = """
INSERT INTO payout_paymentinstruction (county, unit_no, department_no, bank_no, share_id, key,
    lines, amount_fen, voucher_number, digest, at)
SELECT share.county, share.unit_no, share.department_no, share.bank_no, share.id, share.batch_no,
    count(*), sum(payment.amount_fen), '', '', now()
FROM payout_bankshare AS share JOIN payout_payment AS payment ON payment.share_id = share.id
WHERE share.batch_id = %s GROUP BY share.id
"""
# what a result says, as a bare table would hold it
BARE: Final = (
    ("payment_id", "int8"),
    ("file_sm3", "bytea"),
    ("row_no", "int4"),
    ("result", "text"),
    ("code", "text"),
    ("bank_code", "text"),
    ("bank_text", "text"),
    ("paid_fen", "int8"),
    ("bank_serial", "text"),
    ("sms_status", "text"),
    ("at", "timestamptz"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a bank says of a share: the text of its file, and the same rows ready for COPY."""

    share_id: int
    bank_no: int
    name: Any
    text: bytes
    rows: list[Any]
    digest: bytes


def run(rows: int) -> list[harness.Figure]:
    county = world.enter(rows * batch.PEOPLE_A_LINE)
    session.log_in("web")
    file = county.home.root / f"list-{rows}.csv"
    if not file.exists():
        sheets.write_csv(file, rows)
    ours: list[float] = []
    lines: list[float] = []
    results: list[float] = []
    parts: list[dict[str, float]] = []
    forget(county)  # what a run that was stopped half way has left
    for place in range(ROUNDS):
        passage = batch.walk(file)
        told = prepare(county, passage.number, place)
        lines.append(batch.bare_copy(county, batch.encode(county, passage.number)))
        results.append(bare_copy(county, told))
        parts.append(settle(passage.number, told))
        ours.append(sum(parts[-1].values()))
        forget(county)
    middle = sorted(range(ROUNDS), key=lambda n: ours[n])[ROUNDS // 2]
    what = f"{rows} 行结果入账一次：结果、台账、失败另起草稿"
    return [
        harness.figure(
            what, ours, "同一批的明细直接 COPY", lines, target=TARGET,
            parts={name: round(one, 3) for name, one in parts[middle].items()},
            rows=sum(len(one.rows) for one in told), failed_every=FAILED_EVERY, lanes=LANES,
        ),
        harness.figure(what, ours, "结果行自己直接 COPY", results, target=None),
    ]  # fmt: skip


def prepare(county: world.World, number: str, place: int) -> list[Told]:
    """Payments as the product makes them, released by the administrator's hand; and what the banks
    will say of them.
    """
    from django.utils import timezone

    from yikatong.connectors.bank.messages import ResultRow
    from yikatong.journey.steps import advance
    from yikatong.organisation.scoping import acting
    from yikatong.payout.models import BankShare, Payment
    from yikatong.submission.queries import batch_by_number

    session.log_in("worker")
    with acting(session.machine_for(world.COUNTY)) as actor:
        found = batch_by_number(number, scope=actor.scope)
        advance(found.pk, "push", actor=actor)
    with world.connect(county) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "UPDATE payout_bankshare SET state = 'PAYING' WHERE batch_id = %s", [found.pk]
        )
        connection.execute(RELEASED, [found.pk])
    now = timezone.now()
    shares: dict[int, list[Any]] = {}
    with acting(session.machine_for(world.COUNTY)):
        rows = Payment.objects.filter(batch_id=found.pk).order_by("id")
        for n, (share, detail, fen) in enumerate(
            rows.values_list("share_id", "detail_id", "amount_fen")
        ):
            is_failed = n % FAILED_EVERY == 0
            shares.setdefault(share, []).append(
                ResultRow(
                    detail_id=detail,
                    result="FAILED" if is_failed else "SUCCESS",
                    reason_code="A02" if is_failed else "",
                    paid_fen=0 if is_failed else fen,
                    paid_at=now,
                    bank_serial=f"S{place}{n:012d}",
                )
            )
        numbers = {
            one.pk: (one.bank_no, one.batch_no) for one in BankShare.objects.filter(pk__in=shares)
        }
    return [_file(share, *numbers[share], some) for share, some in shares.items()]


def _file(share: int, bank_no: int, batch_no: str, rows: list[Any]) -> Told:
    """As the bank writes it, one file for all rows of its share."""
    from yikatong.connectors.bank.codecs.base import Page
    from yikatong.connectors.bank.codecs.bcp import BcpText
    from yikatong.connectors.bank.messages import Msg
    from yikatong.connectors.bank.names import CHINA, PartName
    from yikatong.connectors.bank.profiles import STANDARD

    made = datetime.now(CHINA)
    name = PartName(batch_no[:3], Msg.RES, batch_no[3:9], made.date(), batch_no, 1, 1, "txt")
    page = Page(name, len(rows), sum(row.paid_fen for row in rows), made, rows)
    text, _ = BcpText().write(page, STANDARD, _envelope())
    return Told(share, bank_no, name, text, rows, sm3(text))


def read(one: Told) -> Any:
    """The rows of a file's text, as the inbox gets them."""
    from yikatong.connectors.bank.codecs.bcp import BcpText
    from yikatong.connectors.bank.profiles import STANDARD

    return BcpText().read(one.text, one.name, STANDARD, _envelope()).rows


@cache
def _envelope() -> Any:
    """Asked for by every layout; nothing of this one is sealed."""
    from yikatong.vault.wire import WireKeys

    keys = WireKeys.create()
    return keys.facing(keys.public_hex)


def settle(number: str, told: list[Told]) -> dict[str, float]:
    """The product's own work from a file's text to the step `settle`, the files in as many lanes as
    the worker has; seconds by part.
    """
    from django.db import connections

    from yikatong.feedback import actions
    from yikatong.jobs.queue import lane_of
    from yikatong.kernel.actor import Duty
    from yikatong.organisation.machines import machine
    from yikatong.organisation.scoping import acting
    from yikatong.payout.queries import share_by_id
    from yikatong.submission.queries import batch_by_number

    bank = machine(world.COUNTY, Duty.BANK_MESSAGE)

    def apply(files: list[Told]) -> None:
        """One lane: its banks' files one after the other, on a connection of its own."""
        try:
            for one in files:
                rows = read(one)
                with acting(bank) as actor:
                    share = share_by_id(one.share_id, scope=actor.scope)
                    actions.apply_results(share, rows, file_sm3=one.digest, actor=actor)
        finally:
            connections.close_all()

    lanes: dict[str, list[Told]] = {}
    for one in told:
        lanes.setdefault(lane_of(one.bank_no), []).append(one)
    seconds = {}
    started = time.perf_counter()
    with ThreadPoolExecutor(len(lanes)) as threads:
        for ended in [threads.submit(apply, files) for files in lanes.values()]:
            ended.result()
    seconds["apply"] = time.perf_counter() - started
    started = time.perf_counter()
    with acting(bank) as actor:
        actions.settle(batch_by_number(number, scope=actor.scope), actor=actor)
    seconds["settle"] = time.perf_counter() - started
    return seconds


def bare_copy(county: world.World, told: list[Told]) -> float:
    """The same values, ready in memory, into a logged table, committed."""
    values = [
        (n, one.digest, n, row.result, row.reason_code, "", "", row.paid_fen, row.bank_serial, "",
         row.paid_at)
        for one in told
        for n, row in enumerate(one.rows)
    ]  # fmt: skip
    names = ", ".join(name for name, _ in BARE)
    declared = ", ".join(f"{name} {kind}" for name, kind in BARE)
    with world.connect(county) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {SCRATCH}")
        connection.execute(f"CREATE TABLE {SCRATCH} ({declared})")
        started = time.perf_counter()
        _copied(connection, names, [kind for _, kind in BARE], values)
        seconds = time.perf_counter() - started
        connection.execute(f"DROP TABLE {SCRATCH}")
    return seconds


def _copied(connection: Any, names: str, kinds: Sequence[str], values: Sequence[Any]) -> None:
    query = f"COPY {SCRATCH} ({names}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor().copy(query) as copy:
        copy.set_types(kinds)
        for row in values:
            copy.write_row(row)


def forget(county: world.World) -> None:
    """Results and postings first, then what every batch leaves."""
    with world.connect(county) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in LEFT:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
    with world.connect(county) as connection:
        for table in LEFT:
            connection.execute(f"VACUUM (ANALYZE) {table}")
    batch.forget(county)
