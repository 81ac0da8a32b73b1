"""The banks' API: signed JSON in, signed answers out, and whatever a fault does to the line.

`/{bank}/v1/…` as in the interface page; what a bank has to say lies in two lists that the platform
fetches and confirms (`/v1/messages`, and `/v1/returns` for a bank that wants to be asked).
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from simulators.bank import codec, faults, layouts, outbox, recon
from simulators.bank.books import Books, meta
from simulators.bank.codec import BadFile, Name, Part
from simulators.bank.crypto import Crypto, sm3_hex
from simulators.bank.desk import Desk
from simulators.loopback import BODY_AT_MOST, HOST, Fault, now

WINDOW_S: Final = 300
POSTED: Final = {
    "verify": "VRQ", "verify-batches": "VRQ", "batches": "PAY", "parts": "PAY", "release": "REL",
    "cancel": "CAN", "answer": "DZR",
}  # fmt: skip
KEY: Final = re.compile(r"([A-Z]{2,3}):(([0-9A-Z]{3})([0-9]{6})[0-9]{14}):([0-9]{1,3})")
LISTS: Final = {"messages": outbox.API, "returns": outbox.RETURNS}
REFUSED: Final = {"E-DUP-CONTENT": 409, "E-SIGN": 401}


class Cut(Exception):
    """The line breaks here."""


class Reply:
    """One answer: `message` says what it is; `how` holds what a fault changes about its proof."""

    def __init__(self, status: int, body: bytes, message: str = "") -> None:
        self.status, self.body, self.message = status, body, message
        self.how: dict[str, Any] = {}


class Api:
    """Answers for every bank that has an API."""

    def __init__(self, desk: Desk, books: Books) -> None:
        self.desk, self.books = desk, books

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Raises Cut where the line is to break without an answer."""
        steps = path.strip("/").split("/")
        crypto = self.desk.keys.get(steps[0])
        if crypto is None or not crypto.profile.has_api or steps[1:2] != ["v1"]:
            raise Fault(404, "E-PATH", "没有这个地址。")
        bank = steps[0]
        self._checked(bank, crypto, method, path, headers, body)
        if method == "POST" and steps[2] not in LISTS:
            answer = self._posted(bank, crypto, steps[2:], headers, body)
        else:
            answer = self._asked(bank, crypto, method, steps[2:])
        answer.how = self._faults_of_the_proof(bank)
        return answer

    def _fault(self, kind: str, bank: str, batch_no: str = "") -> dict[str, Any] | None:
        with self.books.write() as db:
            return faults.take(db, kind, bank, batch_no)

    def _faults_of_the_proof(self, bank: str) -> dict[str, Any]:
        how: dict[str, Any] = {}
        slow = self._fault("slow", bank)
        if slow is not None:
            time.sleep(slow.get("delay_s", 0.5))
        if self._fault("stale_timestamp", bank) is not None:
            how["by_s"] = -600
        skew = self._fault("clock_skew", bank)
        if skew is not None:
            how["by_s"] = int(skew.get("by_s", 400))
        how["is_stranger"] = self._fault("wrong_certificate", bank) is not None
        # where results go as files, it is a file that is torn (reporting.py)
        by_api = self.desk.keys[bank].profile.binding("RES") == "http"
        how["is_torn"] = by_api and self._fault("corrupt_byte", bank) is not None
        how["is_cut"] = self._fault("cut_mid_body", bank) is not None
        return how

    def _checked(
        self, bank: str, crypto: Crypto, method: str, path: str, headers: dict[str, str],
        body: bytes,
    ) -> None:  # fmt: skip
        """Signature, instant and nonce of the platform's call."""
        stamp, nonce = headers.get("x-timestamp", ""), headers.get("x-nonce", "")
        text = "\n".join((method, path, stamp, nonce, sm3_hex(body))).encode()
        if not crypto.verify(text, headers.get("x-sign", "").encode()):
            raise Fault(401, "E-SIGN", "签名不正确。")
        try:
            off = abs((now() - datetime.fromisoformat(stamp)).total_seconds())
        except (ValueError, TypeError):
            off = WINDOW_S + 1
        if off > WINDOW_S:
            raise Fault(401, "E-TIME", "时间不在允许范围内。")
        with self.books.write() as db:
            new = db.execute("INSERT OR IGNORE INTO nonce VALUES (?, ?)", (bank, nonce))
            if new.rowcount != 1:
                raise Fault(401, "E-NONCE", "随机数已经用过。")
        if self._fault("server_error", bank) is not None:
            raise Fault(503, "E-BUSY", "系统忙。")

    def _posted(
        self, bank: str, crypto: Crypto, steps: list[str], headers: dict[str, str], body: bytes
    ) -> Reply:
        key = KEY.fullmatch(headers.get("idempotency-key", ""))
        if key is None or key[3] != bank or POSTED.get(steps[-1]) != key[1]:
            raise Fault(422, "E-KEY", "幂等键与地址不一致。")
        if headers.get("x-body-sm3") != sm3_hex(body):
            raise Fault(422, "E-SM3", "摘要与内容不一致。")
        batch_no = key[2]
        if self._fault("timeout_before_accept", bank, batch_no) is not None:
            raise Cut
        name = Name(key[1], key[4], batch_no, bank, int(key[5]), self._parts(body))
        status = 202
        try:
            self.desk.take(bank, codec.read(name, body, crypto))
        except BadFile as bad:
            status = REFUSED.get(bad.code, 422)
            self.desk.refuse(bank, Part(name, 0, 0, "", []), bad)
        if self._fault("timeout_after_accept", bank, batch_no) is not None:
            raise Cut
        answer = self._answer(bank, name)
        if answer is None and self._is_held(bank, batch_no):
            raise Cut
        return answer if answer is not None else self._standing(bank, crypto, batch_no, status)

    @staticmethod
    def _parts(body: bytes) -> int:
        """How many parts there are, where the body says it; the canonical form does."""
        found = re.search(rb'"parts": ?(\d+)|"REQNBR": ?"\d{3}of(\d{3})"', body)
        return int(found[1] or found[2]) if found else 1

    def _is_held(self, bank: str, batch_no: str) -> bool:
        return bool(
            self.books.read(
                "SELECT 1 FROM outbox WHERE bank = ? AND batch_no = ? AND state = 'HELD'",
                bank, batch_no,
            )
        )  # fmt: skip

    def _only_calls(self) -> bool:
        with self.books.write() as db:
            return bool(meta(db, "callback_only"))

    def _answer(self, bank: str, name: Name) -> Reply | None:
        """The receipt, or the verification's answer, that this very message brought about."""
        if name.msg != "VRQ" and self._only_calls():
            return None
        found = [
            row
            for row in outbox.offered(self.books, bank, outbox.API)
            if row["batch_no"] == name.batch_no
            and row["msg"] == ("VRS" if name.msg == "VRQ" else "ACK")
        ]
        if not found:
            return None
        return self._message(bank, found[-1]["id"], take=True)

    def _message(self, bank: str, number: int, *, take: bool = False) -> Reply:
        row = outbox.one(self.books, bank, number)
        if row is None:
            raise Fault(404, "E-MESSAGE", "没有这个报文。")
        if take:
            outbox.take(self.books, bank, number)
        said = f"{row['msg']}:{row['batch_no']}:{row['number']}:"
        said += str(row["parts"] if row["msg"] in {"VRS", "DZ"} else row["number"])
        return Reply(200, bytes(row["sealed"]), said)

    def _standing(self, bank: str, crypto: Crypto, batch_no: str, status: int = 200) -> Reply:
        with self.books.write() as db:
            state = recon.standing(db, batch_no)
        (told,) = codec.encode("STA", batch_no, [state], 1, now(), crypto)
        return Reply(status, told.sealed, f"STA:{batch_no}:1:1")

    def _asked(self, bank: str, crypto: Crypto, method: str, steps: list[str]) -> Reply:
        if steps[0] in LISTS and len(steps) == 1:
            listed = outbox.offered(self.books, bank, LISTS[steps[0]])
            if steps[0] == "messages" and self._only_calls():
                listed = []
            return Reply(200, layouts.as_json({"messages": [{"id": one["id"]} for one in listed]}))
        if steps[0] in LISTS and len(steps) == 2:  # noqa: PLR2004 — /messages/{id}
            return self._message(bank, int(steps[1]))
        if steps[0] in LISTS and method == "POST" and steps[2] == "taken":
            outbox.take(self.books, bank, int(steps[1]))
            return Reply(200, b"{}")
        if steps[0] == "batches" and len(steps) == 2:  # noqa: PLR2004 — /batches/{no}
            with self.books.write() as db:
                outbox.all_again(db, steps[1])
            return self._standing(bank, crypto, steps[1])
        raise Fault(404, "E-PATH", "没有这个地址。")


def proof(
    crypto: Crypto, bank: str, method: str, path: str, body: bytes, how: dict[str, Any]
) -> dict[str, str]:
    """The headers that sign an answer or a callback."""
    stamp = (now() + timedelta(seconds=how.get("by_s", 0))).isoformat()
    nonce = secrets.token_hex(16)
    text = "\n".join((method, path, stamp, nonce, sm3_hex(body))).encode()
    signer = codec.stranger(crypto) if how.get("is_stranger") else crypto
    return {
        "X-Timestamp": stamp, "X-Nonce": nonce, "X-Sign": signer.sign(text).decode(),
        "X-Cert-Sn": crypto.certificate(bank),
    }  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    api: Api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 15.0
    server: _Server

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self._reply()

    def log_message(self, *_: object) -> None:
        """Nothing: requests carry names."""

    def _reply(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, BODY_AT_MOST))
        path = urlsplit(self.path).path
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.server.api.reply(self.command, path, headers, body)
        except Cut:
            self.close_connection = True
            return
        except Fault as fault:
            said = layouts.as_json({"code": fault.code, "reason": fault.reason})
            answer = Reply(fault.status, said)
        except (ValueError, IndexError, KeyError) as error:
            said = layouts.as_json({"code": "E-FIELD", "reason": type(error).__name__})
            answer = Reply(400, said)
        bank = path.strip("/").split("/")[0]
        crypto = self.server.api.desk.keys.get(bank)
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.message:
            self.send_header("X-Message", answer.message)
        if crypto is not None:
            signed = proof(crypto, bank, self.command, path, answer.body, answer.how)
            for name, value in signed.items():
                self.send_header(name, value)
        self.end_headers()
        if answer.how.get("is_torn"):
            answer.body = answer.body[:-1] + b" "
        if answer.how.get("is_cut"):
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
            return
        self.wfile.write(answer.body)


def serve(desk: Desk, books: Books, port: int = 0) -> ThreadingHTTPServer:
    """Listening on loopback, in threads; to be shut down by the caller."""
    server = _Server((HOST, port), _Handler)
    server.api = Api(desk, books)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
