"""`verify`: every invariant in every county, and the chain recomputed (trust.md §1, §9)."""

from __future__ import annotations

import sys
from typing import Any, Final

from yikatong.cli import session
from yikatong.kernel.money import Money

VIEWS: Final = {
    "I1": "inv_money_conserved",
    "I2": "inv_paid_once",
    "I3": "inv_bank_agrees",
    "I4": "inv_result_once",
    "I5": "inv_paid_is_final",
    "I6": "inv_sent_as_approved",
    "I7": "inv_funded",
    "I8": "inv_finance_cannot_write",
    "I9": "inv_four_eyes",
    "I10": "inv_audit_linked",
    "I11": "inv_reissue_traced",
    "I12": "inv_change_is_audited",
    "I13": "inv_ledger_balanced",
    "I14": "inv_ledger_agrees",
    "I15": "inv_indicator_held",
}
ACROSS: Final = frozenset({"I8", "I10"})  # about the whole database, asked once
SHOWN: Final = 20


def prove() -> dict[str, Any]:
    """The shape of `verify --json`, with the sentences of what was found under `breached`."""
    session.log_in("worker")
    from yikatong.audit.queries import prove_chain
    from yikatong.organisation.queries import counties_of_home
    from yikatong.organisation.scoping import acting
    from yikatong.submission.proof import digest_breaches

    found: dict[str, list[str]] = {name: [] for name in VIEWS}
    counties = list(counties_of_home())
    for place, county in enumerate(counties):
        with acting(session.machine_for(county.county)) as actor:
            for name, view in VIEWS.items():
                if name not in ACROSS or place == 0:
                    found[name].extend(_offending(view))
            found["I6"].extend(digest_breaches(scope=actor.scope))
    with acting(session.machine_for(counties[0].county if counties else "")):
        chain = prove_chain()
    if chain.trouble:
        found["I10"].append(chain.trouble)
    invariants = {name: len(sentences) for name, sentences in found.items()}
    return {
        "breaches": sum(invariants.values()),
        "invariants": invariants,
        "audit": {"events": chain.events, "chain_ok": not chain.trouble},
        "breached": {name: sentences[:SHOWN] for name, sentences in found.items() if sentences},
    }


def verify(*, as_json: bool) -> int:
    """0 where everything holds, 1 on any breach."""
    proved = prove()
    if as_json:
        session.show_json(proved)
    else:
        for name, times in proved["invariants"].items():
            mark = "✓" if times == 0 else f"✗ {times} 处"
            sys.stdout.write(f"{name:<4}{mark}\n")
        for name, sentences in proved["breached"].items():
            for sentence in sentences:
                sys.stdout.write(f"  {name} {sentence}\n")
        audit = proved["audit"]
        sys.stdout.write(
            f"留痕 {audit['events']} 个事件，{'完整' if audit['chain_ok'] else '不完整'}\n"
        )
    return 1 if proved["breaches"] else 0


def _offending(view: str) -> list[str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT batch.number, broken.fen, broken.sentence FROM {view} AS broken"  # noqa: S608 - a fixed list
            " LEFT JOIN submission_batch AS batch ON batch.id = broken.batch_id"
        )
        return [
            " ".join(
                str(part)
                for part in (number, sentence, f"（{fen} 分）" if fen is not None else "")
                if part
            )
            for number, fen, sentence in cursor.fetchall()
        ]


def reconcile(county: str, *, as_json: bool) -> int:
    """R1–R6 of one county now; 0 where the three sides agree and nothing differs."""
    session.log_in("worker")
    from yikatong.feedback.jobs import run_now
    from yikatong.feedback.queries import SIDES, three_way
    from yikatong.organisation.scoping import acting

    code = session.county_code(county)
    run = run_now(code, asked_by=session.VIA)
    with acting(session.machine_for(code)) as actor:
        told = three_way(run, scope=actor.scope)
    if as_json:
        sums = {name: getattr(told, name) for name in SIDES}
        session.show_json(
            {**sums, "lines_fen": told.lines_fen, "differences": run.found, "holds": told.holds}
        )
    else:
        session.say(
            f"国库凭证 {Money(told.voucher_fen)}，代发专户 {Money(told.account_fen)}，"
            f"明细 {Money(told.lines_fen)} 元；差异 {run.found} 条，其中新挂 {run.opened} 条。"
            + (f"国库没有答复：{run.treasury_told}" if run.treasury_told else "")
        )
    return 0 if told.holds and not run.found else 1
