"""The HTTP port: the treasury's credits, the day account, and what tests and demos control."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from simulators.bank import accounts, faults, keeping, recon, teller, treasury
from simulators.bank.books import Books, meta, set_meta
from simulators.bank.crypto import Crypto
from simulators.loopback import Answer, Fault, Json, Request

Door = Callable[["Control", Request], Json]


class Control:
    """Answers one request after the other; each writes in one transaction."""

    def __init__(self, books: Books, keys: Mapping[str, Crypto]) -> None:
        self.books, self.keys = books, keys

    def __call__(self, request: Request) -> Answer:
        first = request.parts[0]
        place = first if first in {"recon", "health"} else "/".join(request.parts)
        door = DOORS.get((request.method, place))
        if door is None:
            raise Fault(404, "E-PATH", f"没有这个地址：{request.path}")
        return 200, door(self, request)

    def health(self, _: Request) -> Json:
        return {"status": "ok"}

    def open_account(self, request: Request) -> Json:
        facts = request.json()
        if facts["bank_no3"] not in self.keys:
            raise Fault(404, "E-BANK", "没有这家银行；银行在启动时由账户清单确定。")
        with self.books.write() as db:
            accounts.open_account(db, facts)
        return self._account(str(facts["bank_no3"]), str(facts["acct_no"]))

    def account(self, request: Request) -> Json:
        bank, acct_no = request.asked["bank"], request.asked["acct_no"]
        return self._account(bank, acct_no)

    def _account(self, bank: str, acct_no: str) -> Json:
        found = self.books.read(
            "SELECT * FROM account WHERE bank = ? AND acct_no = ?", bank, acct_no
        )
        if not found:
            raise Fault(404, "E-ACCOUNT", "没有这个账户。")
        return found[0]

    def arm(self, request: Request) -> Json:
        asked = request.json()
        with self.books.write() as db:
            if asked["kind"] == "fail_account":
                changed = db.execute(
                    "UPDATE account SET fault_code = ?, is_fault_known = 0"
                    " WHERE acct_no = ? AND bank = coalesce(?, bank)",
                    (asked.get("code", "A02"), str(asked["acct_no"]), asked.get("bank_no3")),
                )
                if changed.rowcount == 0:
                    raise Fault(404, "E-ACCOUNT", "没有这个账户。")
            return {"id": faults.arm(db, asked)}

    def faults(self, _: Request) -> Json:
        return {"faults": self.books.read("SELECT * FROM fault ORDER BY id")}

    def disarm(self, _: Request) -> Json:
        with self.books.write() as db:
            return {"disarmed": faults.disarm(db)}

    def kinds(self, _: Request) -> Json:
        return {"groups": faults.GROUPS}

    def callback(self, request: Request) -> Json:
        """Where the platform listens; '' for nowhere. `only`: the banks call, and list nothing."""
        url = str(request.json()["url"])
        if url and not url.startswith("http://127.0.0.1:"):
            raise Fault(422, "E-URL", "平台只能在本机。")
        is_only = request.json().get("only") is True
        with self.books.write() as db:
            set_meta(db, "callback_url", url)
            set_meta(db, "callback_only", "1" if is_only else "")
        return {"url": url, "only": is_only}

    def callback_answers(self, _: Request) -> Json:
        """How often each message was answered how: `{"RES 200": 3}`."""
        with self.books.write() as db:
            return {"answers": json.loads(meta(db, "callback_answers") or "{}")}

    def day_answers(self, request: Request) -> Json:
        rows = self.books.read(
            "SELECT * FROM day_answer WHERE batch_no = ? ORDER BY place",
            request.asked["batch_no"],
        )
        return {"rows": rows}

    def ledger(self, request: Request) -> Json:
        return recon.books_of(self.books, dict(request.asked))

    def sms(self, _: Request) -> Json:
        found = self.books.read("SELECT * FROM sms ORDER BY at, detail_id")
        return {"sms": found, "count": len(found)}

    def budget(self, request: Request) -> Json:
        url = str(request.json()["url"])
        if not url.startswith("http://127.0.0.1:"):
            raise Fault(422, "E-URL", "预算系统只能在本机。")
        with self.books.write() as db:
            set_meta(db, "budget_url", url)
        return {"url": url}

    def credit(self, request: Request) -> Json:
        with self.books.write() as db:
            return treasury.credit(db, self.keys, request.json())

    def keeping(self, request: Request) -> Json:
        """A county's agreement with its banks: residue stays, or goes back to the treasury."""
        asked = request.json()
        county, is_kept = str(asked["county"]), asked["is_kept"] is True
        with self.books.write() as db:
            keeping.keep(db, county, is_kept=is_kept)
        return {"county": county, "is_kept": is_kept}

    def close_day(self, request: Request) -> Json:
        """A night passes over one batch: it stands in the day account of the day before."""
        with self.books.write() as db:
            return {"entries": teller.close_day(db, str(request.json()["batch_no"]))}

    def recon(self, request: Request) -> Json:
        _, bank, county, day = request.parts
        if bank not in self.keys:
            raise Fault(404, "E-BANK", "没有这家银行。")
        with self.books.write() as db:
            account = recon.day_account(db, bank, county, day)
            number = recon.send_day_account(db, self.keys[bank], account)
        return account | {"batch_no": number}


DOORS: Final[dict[tuple[str, str], Door]] = {
    ("GET", "health"): Control.health,
    ("GET", "recon"): Control.recon,
    ("POST", "control/accounts"): Control.open_account,
    ("GET", "control/accounts"): Control.account,
    ("POST", "control/faults"): Control.arm,
    ("GET", "control/faults"): Control.faults,
    ("POST", "control/faults/disarm"): Control.disarm,
    ("GET", "control/faults/kinds"): Control.kinds,
    ("POST", "control/callback"): Control.callback,
    ("GET", "control/callback"): Control.callback_answers,
    ("GET", "control/day-answers"): Control.day_answers,
    ("GET", "control/books"): Control.ledger,
    ("GET", "control/sms"): Control.sms,
    ("POST", "control/budget"): Control.budget,
    ("POST", "control/keeping"): Control.keeping,
    ("POST", "control/close-day"): Control.close_day,
    ("POST", "treasury/credit"): Control.credit,
}
