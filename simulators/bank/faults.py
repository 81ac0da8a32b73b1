"""Faults that a test or a demo asks for, taken one by one and counted when really hit."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, Final

from simulators.loopback import Fault

GROUPS: Final[dict[str, dict[str, str]]] = {
    "transport": {
        "slow": "each answer of the API takes `delay_s` longer",
        "timeout_before_accept": "the line breaks before the message is in",
        "timeout_after_accept": "the message is in, the line breaks before the answer",
        "ack_lost": "the receipt is made and not sent; the same message again brings it",
        "ack_late": "the receipt comes `delay_s` later",
        "server_error": "the API answers 503; arm it `times` times",
        "cut_mid_body": "the API's answer breaks off in its middle",
        "sftp_down": "the SFTP hangs up at sign-in; arm it `times` times",
        "cut_off_passed": "an instruction comes after the cut-off: to be sent again",
    },
    "files": {
        "partial_file_then_rest": "half a result file without its flag, the whole a second later",
        "no_trailer": "a result message without its end, then the right one",
        "wrong_count": "a result message that miscounts, then the right one",
        "wrong_sum": "a result message that adds up wrongly, then the right one",
        "corrupt_byte": "a result message with one byte changed on the way, then the right one",
        "cut_mid_character": "a result message that ends inside a character, then the right one",
        "unencodable_name": "the bank cannot hold a sign of a name: that row fails with A12",
        "result_duplicate": "the same result bytes again once the first are taken",
        "result_other_file": "the same rows again in another file",
        "rows_out_of_order": "the rows of a result message stand in reverse",
        "stranger_row": "a result row of a detail that nobody knows",
        "other_batch_row": "a result row of another batch",
    },
    "signature": {
        "bad_signature": "a result message with a wrong signature, then the right one",
        "stale_timestamp": "an answer of the API that is ten minutes old",
        "replayed_nonce": "a callback comes again with its old instant and nonce",
        "wrong_certificate": "an answer of the API under a stranger's certificate",
        "clock_skew": "the bank's clock is `by_s` seconds off for one answer",
    },
    "results": {
        "results_out_of_order": "two result files, the second first",
        "result_split": "results in `files` files",
        "all_failed": "every row of the batch fails with `code`",
        "refuse_share": "the share is refused (`reason`)",
        "refuse_part": "part `part` is refused (`reason`), where parts are taken by themselves",
        "unknown_then_success": "`rows` successes are first reported as pending",
        "success_after_failure": "a success is first reported as a failure",
        "failure_after_success": "a success is afterwards reported as a failure",
        "amount_off_by_one": "one success is reported with one fen more, then rightly",
        "unknown_code": "a failure under a code that nobody knows",
        "reused_batch_no": "results of this batch come under the number of an older one",
    },
    "returns": {
        "returned": "`rows` successes come back `delay_s` later",
        "returned_twice": "the same payment comes back a second time",
        "return_wrong_amount": "a return of one fen less than was paid",
        "return_unpaid": "a return of a row that was never paid",
    },
    "money": {
        "short_funding": "the treasury's money arrives `by_fen` short",
        "excess_funding": "the treasury's money arrives `by_fen` in excess",
        "late_funding": "the notice of the money comes `delay_s` later",
        "missing_funding": "the money is there and its notice never comes",
        "funding_twice": "the notice of the money comes twice, under two numbers",
        "day_unbalanced": "the day account's closing balance is one fen off",
    },
    "verification": {
        "verify_unavailable": "a verification cannot be answered",
        "verify_quota": "the card's tries of the day are used up",
        "fail_account": "payout to `acct_no` fails with `code`, after a verification that matched",
        "name_other_dot": "the bank's registered name has another dot",
    },
    "sms": {
        "sms_undelivered": "the text messages of a batch end UNDELIV",
        "sms_expired": "the text messages of a batch end EXPIRED",
        "sms_no_report": "no report about the text messages of a batch",
    },
}
KINDS: Final = {kind: what for group in GROUPS.values() for kind, what in group.items()}


def arm(db: sqlite3.Connection, asked: dict[str, Any]) -> int:
    """Store a fault; `bank_no3` and `batch_no` narrow it, `times` repeats it."""
    kind = str(asked["kind"])
    if kind not in KINDS:
        raise Fault(422, "E-KIND", f"没有这种故障：{kind}。可用：{'、'.join(sorted(KINDS))}。")
    made = db.execute(
        "INSERT INTO fault (kind, bank, batch_no, left, detail) VALUES (?, ?, ?, ?, ?)",
        (
            kind, asked.get("bank_no3"), asked.get("batch_no"), int(asked.get("times", 1)),
            json.dumps(asked, ensure_ascii=False),
        ),
    )  # fmt: skip
    return int(made.lastrowid or 0)


def disarm(db: sqlite3.Connection) -> int:
    """What is armed and not hit yet will not happen; the counts stay."""
    return db.execute("UPDATE fault SET left = 0 WHERE left > 0").rowcount


def take(db: sqlite3.Connection, kind: str, bank: str, batch_no: str) -> dict[str, Any] | None:
    """The next armed fault of that kind for this batch, used up; None: nothing goes wrong."""
    row = db.execute(
        "SELECT id, detail FROM fault WHERE kind = ? AND left > 0 AND coalesce(bank, ?) = ?"
        " AND coalesce(batch_no, ?) = ? ORDER BY id LIMIT 1",
        (kind, bank, bank, batch_no, batch_no),
    ).fetchone()
    if row is None:
        return None
    db.execute("UPDATE fault SET left = left - 1, hits = hits + 1 WHERE id = ?", (row["id"],))
    return dict(json.loads(row["detail"]))
