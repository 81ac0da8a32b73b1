"""Callbacks: a bank with an API also calls the platform, where it knows an address.

What is not answered with a signed 200, 409 or 422 stays in the list of messages and is tried again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from simulators.bank import faults, outbox
from simulators.bank.api import proof
from simulators.bank.books import Books, meta, set_meta
from simulators.bank.crypto import Crypto, sm3_hex
from simulators.loopback import HOST

WAIT_S: Final = 5.0
AGAIN_S: Final = 1.0
DOOR: Final = {
    "ACK": "receipts", "FND": "funding", "RES": "results", "RET": "returns", "RFD": "refunds",
    "DZ": "recon", "SMS": "sms",
}  # fmt: skip
ANSWERS: Final = {200, 409, 422}
SILENT, UNSIGNED = "silent", "unsigned"


def call_all(books: Books, keys: Mapping[str, Crypto]) -> int:
    """Call for every message that waits; gives how many were taken."""
    with books.write() as db:
        url = meta(db, "callback_url")
    if not url:
        return 0
    done = 0
    for bank, crypto in keys.items():
        for row in outbox.offered(books, bank, outbox.API):
            if row["msg"] not in DOOR:
                continue
            whole = outbox.one(books, bank, row["id"])
            if whole is not None and _called(url, bank, crypto, whole, books):
                outbox.take(books, bank, row["id"])
                done += 1
            else:
                with books.write() as db:
                    db.execute(
                        "UPDATE outbox SET not_before = ? WHERE id = ?",
                        (time.time() + AGAIN_S, row["id"]),
                    )
    return done


def _called(url: str, bank: str, crypto: Crypto, row: Mapping[str, Any], books: Books) -> bool:
    at = urlsplit(url)
    path = f"{at.path.rstrip('/')}/api/bank/v1/{DOOR[row['msg']]}"
    body = bytes(row["sealed"])
    how: dict[str, Any] = {}
    with books.write() as db:
        if faults.take(db, "bad_signature", bank, row["batch_no"]) is not None:
            how["is_stranger"] = True
        is_replayed = faults.take(db, "replayed_nonce", bank, row["batch_no"]) is not None
    parts = row["parts"] if row["msg"] == "DZ" else row["number"]
    headers = proof(crypto, bank, "POST", path, body, how) | {
        "Content-Type": "application/json",
        "Idempotency-Key": f"{row['msg']}:{row['batch_no']}:{row['number']}",
        "X-Message": f"{row['msg']}:{row['batch_no']}:{row['number']}:{parts}",
        "X-Body-SM3": sm3_hex(body),
    }
    host, port = at.hostname or HOST, at.port or 80
    answers = [_post(host, port, path, body, headers, crypto) for _ in range(1 + is_replayed)]
    with books.write() as db:
        for answer in answers:
            _count(db, f"{row['msg']} {answer}")
    return answers[0].isdecimal() and int(answers[0]) in ANSWERS


def _count(db: sqlite3.Connection, answer: str) -> None:
    """How often the platform answered so; a test reads it over the control port."""
    told = json.loads(meta(db, "callback_answers") or "{}")
    told[answer] = told.get(answer, 0) + 1
    set_meta(db, "callback_answers", json.dumps(told))


def _post(
    host: str, port: int, path: str, body: bytes, headers: dict[str, str], crypto: Crypto
) -> str:
    """The status of a signed answer; UNSIGNED, or SILENT where there is none."""
    connection = HTTPConnection(host, port, timeout=WAIT_S)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        said = response.read()
    except (OSError, HTTPException):
        return SILENT
    finally:
        connection.close()
    text = "\n".join((
        "POST", path, response.headers.get("X-Timestamp", ""),
        response.headers.get("X-Nonce", ""), sm3_hex(said),
    )).encode()  # fmt: skip
    if not crypto.verify(text, response.headers.get("X-Sign", "").encode()):
        return UNSIGNED
    return str(response.status)
