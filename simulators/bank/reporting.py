"""Results to the platform, and what goes wrong with them: the money is paid already."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from simulators.bank import codec, faults, outbox
from simulators.bank.books import new_serial
from simulators.bank.codec import Row, Spoil
from simulators.bank.crypto import Crypto
from simulators.loopback import now

SPOILT: Final = {
    "no_trailer": Spoil(cut="trailer"),
    "wrong_count": Spoil(count=1),
    "wrong_sum": Spoil(fen=1),
    "cut_mid_character": Spoil(cut="character"),
}
STRANGER: Final = "0" * 30


def report(db: sqlite3.Connection, crypto: Crypto, batch_no: str, results: list[Row]) -> None:
    """All results of a batch, with whatever faults are armed for them."""
    bank = batch_no[:3]

    def armed(kind: str) -> dict[str, Any] | None:
        return faults.take(db, kind, bank, batch_no)

    good = [place for place, row in enumerate(results) if row["result"] == "SUCCESS"]
    paid = [results[place] for place in good]
    later = _unsure(results, good, armed("unknown_then_success"))
    good = [place for place in good if results[place]["result"] == "SUCCESS"]
    wait_s = later.pop("wait_s", 1.0)
    later["rows"] += _too_soon(results, good, armed("success_after_failure"))
    later["rows"] += _twisted(db, results, good, batch_no)
    first = results[:1]
    for kind, spoil in SPOILT.items():
        if armed(kind) is not None:
            outbox.say(db, crypto, "RES", batch_no, first, spoil=spoil)
    if crypto.profile.binding("RES") == "file" and armed("corrupt_byte") is not None:
        outbox.say(db, crypto, "RES", batch_no, first, is_torn=True)
    if crypto.profile.binding("RES") == "file" and armed("bad_signature") is not None:
        outbox.say(db, codec.stranger(crypto), "RES", batch_no, first)
    split = armed("result_split")
    is_turned = armed("results_out_of_order") is not None
    files = min(int(split.get("files", 2)) if split else 1 + int(is_turned), len(results))
    size = -(-len(results) // max(files, 1))
    is_twice, is_cut = armed("result_duplicate"), armed("partial_file_then_rest")
    for place, at in enumerate(range(0, len(results), size)):
        outbox.say(
            db, crypto, "RES", batch_no, results[at : at + size], is_cut=is_cut is not None,
            repeats=int(is_twice is not None), wait_s=0.6 if is_turned and place == 0 else 0.0,
        )  # fmt: skip
    if armed("result_other_file") is not None:
        outbox.say(db, crypto, "RES", batch_no, results)
    _contradicted(db, crypto, batch_no, [r for r in results if r["result"] == "SUCCESS"])
    _elsewhere(db, crypto, batch_no, results)
    if later["rows"]:
        outbox.say(db, crypto, "RES", batch_no, later["rows"], wait_s=wait_s)
    _texts(db, crypto, batch_no, paid)


def _unsure(results: list[Row], good: Sequence[int], asked: dict[str, Any] | None) -> Row:
    """Some successes are told as pending first; gives what is told later."""
    told: Row = {"rows": []}
    if asked is None:
        return told
    for place in good[: int(asked.get("rows", 1))]:
        told["rows"].append(results[place])
        results[place] = {
            "detail_id": results[place]["detail_id"], "result": "PENDING", "reason_code": "S01",
            "bank_reason_text": "系统异常，稍后反馈", "paid_fen": 0,
        }  # fmt: skip
    return told | {"wait_s": asked.get("delay_s", 1.0)}


def _twisted(
    db: sqlite3.Connection, results: list[Row], good: Sequence[int], batch_no: str
) -> list[Row]:
    """Faults inside the one report; gives what is told rightly later."""
    bank, later = batch_no[:3], []
    if good and faults.take(db, "amount_off_by_one", bank, batch_no) is not None:
        last = results[good[-1]]
        later.append(last)
        results[good[-1]] = last | {"paid_fen": last["paid_fen"] + 1}
    bad = [place for place, row in enumerate(results) if row["result"] == "FAILED"]
    if bad and faults.take(db, "unknown_code", bank, batch_no) is not None:
        results[bad[0]] |= {
            "reason_code": "", "bank_reason_code": "X9999", "bank_reason_text": "其他原因",
        }  # fmt: skip
    if faults.take(db, "rows_out_of_order", bank, batch_no) is not None:
        results.reverse()
    return later


def _too_soon(results: list[Row], good: list[int], asked: dict[str, Any] | None) -> list[Row]:
    """One success is told as a failure first; gives what is told later."""
    if asked is None or not good:
        return []
    place = good.pop()
    truth = results[place]
    results[place] = _failure(truth)
    return [truth]


def _failure(row: Row) -> Row:
    return {
        "detail_id": row["detail_id"], "result": "FAILED", "reason_code": "A03",
        "bank_reason_text": "账户冻结或止付", "paid_fen": 0,
    }  # fmt: skip


def _contradicted(
    db: sqlite3.Connection, crypto: Crypto, batch_no: str, good: Sequence[Row]
) -> None:
    """A success that was told is told otherwise afterwards."""
    if not good:
        return
    if faults.take(db, "failure_after_success", batch_no[:3], batch_no) is not None:
        outbox.say(db, crypto, "RES", batch_no, [_failure(good[-1])], wait_s=0.3)


def _elsewhere(
    db: sqlite3.Connection, crypto: Crypto, batch_no: str, results: Sequence[Row]
) -> None:
    """Rows where they do not belong."""
    bank = batch_no[:3]
    template = results[0] | {"bank_serial": "", "reason_code": ""}
    if faults.take(db, "stranger_row", bank, batch_no) is not None:
        outbox.say(db, crypto, "RES", batch_no, [template | {"detail_id": STRANGER}])
    older = db.execute(
        "SELECT batch_no, detail_id FROM line WHERE batch_no <> ? AND batch_no LIKE ?"
        " ORDER BY batch_no DESC LIMIT 1",
        (batch_no, f"{batch_no[:9]}%"),
    ).fetchone()
    if older is None:
        return
    if faults.take(db, "other_batch_row", bank, batch_no) is not None:
        outbox.say(db, crypto, "RES", batch_no, [template | {"detail_id": older["detail_id"]}])
    if faults.take(db, "reused_batch_no", bank, batch_no) is not None:
        outbox.say(db, crypto, "RES", older["batch_no"], results[:1])


def _texts(db: sqlite3.Connection, crypto: Crypto, batch_no: str, paid: Sequence[Row]) -> None:
    """What the operator says about the text messages, as a message of its own."""
    bank, status = batch_no[:3], "DELIVRD"
    for kind, word in (("sms_undelivered", "UNDELIV"), ("sms_expired", "EXPIRED")):
        if faults.take(db, kind, bank, batch_no) is not None:
            status = word
    is_silent = faults.take(db, "sms_no_report", bank, batch_no) is not None
    at = now().isoformat()
    db.executemany(
        "UPDATE sms SET status = ? WHERE detail_id = ?",
        [("UNKNOWN" if is_silent else status, row["detail_id"]) for row in paid],
    )
    if paid and not is_silent:
        rows = [
            {"detail_id": row["detail_id"], "status": status, "reported_at": at} for row in paid
        ]
        outbox.say(db, crypto, "SMS", batch_no, rows)


def come_back(db: sqlite3.Connection, crypto: Crypto, batch_no: str) -> list[Row]:
    """退票 that are armed for a batch; gives what has really come back, for the books."""
    bank = batch_no[:3]
    paid = [
        dict(row)
        for row in db.execute(
            "SELECT * FROM payment WHERE batch_no = ? AND detail_id NOT IN"
            " (SELECT detail_id FROM returned) ORDER BY bank_serial",
            (batch_no,),
        )
    ]
    asked = faults.take(db, "returned", bank, batch_no) if paid else None
    back = paid[: int(asked.get("rows", 1))] if asked else []
    told = [_return(db, bank, row, row["amount_fen"]) for row in back]
    wait_s = asked.get("delay_s", 0.5) if asked else 0.5
    if told:
        outbox.say(db, crypto, "RET", batch_no, told, wait_s=wait_s)
    if told and faults.take(db, "returned_twice", bank, batch_no) is not None:
        again = told[0] | {"bank_serial": new_serial(db, bank, now().isoformat()[:10], "twice")}
        outbox.say(db, crypto, "RET", batch_no, [again], wait_s=wait_s + 0.3)
    left = paid[len(back) :]
    if left and faults.take(db, "return_wrong_amount", bank, batch_no) is not None:
        wrong = _return(db, bank, left[0], max(left[0]["amount_fen"] - 1, 1))
        outbox.say(db, crypto, "RET", batch_no, [wrong], wait_s=wait_s)
    unpaid = db.execute(
        "SELECT detail_id, amount_fen FROM line WHERE batch_no = ? AND state <> 'SUCCESS'",
        (batch_no,),
    ).fetchone()
    if unpaid is not None and faults.take(db, "return_unpaid", bank, batch_no) is not None:
        wrong = _return(db, bank, dict(unpaid), unpaid["amount_fen"])
        outbox.say(db, crypto, "RET", batch_no, [wrong], wait_s=wait_s)
    return [row | {"bank_serial": one["bank_serial"]} for row, one in zip(back, told, strict=True)]


def _return(db: sqlite3.Connection, bank: str, paid: Row, amount_fen: int) -> Row:
    at = now().isoformat()
    return {
        "detail_id": paid["detail_id"], "amount_fen": amount_fen, "reason_code": "A02",
        "bank_reason_text": "收款账户已销户，退票",
        "bank_serial": new_serial(db, bank, at[:10], f"RET{paid['detail_id']}"), "returned_at": at,
    }  # fmt: skip
