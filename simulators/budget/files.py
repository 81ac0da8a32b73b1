"""The file form: what lies in `out/` is taken in, what happened since is written to `in/`.

Own reading and writing of the text frame: this program shares no code with the platform.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from simulators.budget import mof, office, recon
from simulators.budget.books import Books, balances
from simulators.loopback import Fault, Json, now

END: Final = "########"
SCHEMA: Final = "CREATE TABLE IF NOT EXISTS told (name TEXT PRIMARY KEY);"
CAME: Final = "came|"  # who applied by a file is told by files
SUMMED: Final = {"B13": "XPAY_AMT", "B14": "PAY_AMT", "B15": "XPAY_AMT"}
QUOTA: Final = (
    "BGT_ID", "MOF_DIV_CODE", "FISCAL_YEAR", "AGENCY_CODE", "PRO_CODE", "PRO_NAME",
    "COR_BGT_DOC_NO", "FUND_TYPE_CODE", "EXP_FUNC_CODE", "GOV_BGT_ECO_CODE", "DEP_BGT_ECO_CODE",
)  # fmt: skip


class FileDesk:
    """One folder per home; every round reads what is new and tells what has changed."""

    def __init__(self, books: Books, root: Path, tick_s: float) -> None:
        self.books, self.root, self.tick_s = books, root, tick_s
        with books.write() as db:
            db.execute(SCHEMA)
            db.execute(mof.SCHEMA)

    def round(self) -> None:
        for flag in sorted((self.root / "out").glob("YKT_*.ok")):
            with self.books.write() as db:
                if not _is_new(db, flag.name):
                    continue
                if flag.name.startswith("YKT_MOF_"):
                    mof.take_in(db, flag.with_suffix(".xml"), self.root / "in", self.tick_s)
                else:
                    self._take_in(db, flag.with_suffix(".txt"))
        with self.books.write() as db:
            self._tell(db)

    def _take_in(self, db: sqlite3.Connection, path: Path) -> None:
        message, rows = _read(path)
        for row in rows:
            try:
                if message == "B02":
                    _is_new(db, f"{CAME}{row['TRACKING_ID']}")
                    office.apply(db, _application(row), tick_s=self.tick_s)
                elif message == "B02W":
                    office.withdraw(db, row["PAY_APP_NO"], row["RETURN_REASON"])
                elif message == "B15":
                    told = {
                        "tracking_id": row["TRACKING_ID"], "result": row["XCHECK_RESULT"],
                        "reason": row["XCHECK_REASON"],
                    }  # fmt: skip
                    recon.answered(db, row["VOUCHER_CHECK_NO"], {"rows": [told]})
            except Fault as no:
                self._write(db, "B11", path.stem.split("_")[2], row["TRACKING_ID"], [{
                    "TRACKING_ID": row["TRACKING_ID"], "PAY_APP_NO": "", "STATUS": "RETURNED",
                    "RETURN_REASON": no.reason, "IS_WITHDRAWN": "0", "PAY_APP_AMT": "0.00",
                }])  # fmt: skip
        if message == "B03" and rows:
            part, _, parts = path.stem.rpartition("_")[2].partition("of")
            facts = {
                "rows": [{"pay_amt_fen": _fen(row["PAY_AMT"])} | dict(row) for row in rows],
                "part": int(part), "parts": int(parts),
            }  # fmt: skip
            try:
                office.details(db, rows[0]["PAY_APPLY_ID"], facts)
            except Fault as no:
                path.with_suffix(".why").write_text(no.reason, encoding="utf-8")

    def _tell(self, db: sqlite3.Connection) -> None:
        changed = False
        for row in db.execute(
            "SELECT pay_app_no FROM application WHERE ? || tracking_id IN (SELECT name FROM told)"
            " OR tracking_id IN (SELECT tracking_id FROM mof) ORDER BY 1",
            (CAME,),
        ).fetchall():
            changed |= self._tell_one(db, office.state(db, row["pay_app_no"]))
        none_yet = not list((self.root / "in").glob("BGT_B01_*.ok"))
        if changed or none_yet:
            self._quotas(db)

    def reconcile(self, mof_div_code: str, day: str) -> Json:
        """B15 of a day, as the treasury sends it when the day is over."""
        with self.books.write() as db:
            told = recon.held(db, mof_div_code, day)
            envelopes = {row["tracking_id"] for row in db.execute("SELECT tracking_id FROM mof")}
            if told["rows"] and envelopes >= {row["tracking_id"] for row in told["rows"]}:
                mof.reconcile(db, self.root / "in", mof_div_code[:6], day, told)
                return {"check_no": told["check_no"], "count": len(told["rows"])}
            rows = [
                {
                    "VOUCHER_CHECK_NO": told["check_no"], "TRACKING_ID": row["tracking_id"],
                    "PAY_APP_NO": row["pay_app_no"], "PAY_CERT_NO": row["pay_cert_no"],
                    "STATUS": row["status"], "PAY_APP_AMT": _yuan(row["pay_app_amt_fen"]),
                    "XPAY_AMT": _yuan(row["xpay_amt_fen"]),
                    "REFUND_AMT": _yuan(row["refunded_fen"]),
                    "XCHECK_RESULT": "", "XCHECK_REASON": "",
                }
                for row in told["rows"]
            ]  # fmt: skip
            if rows:
                self._write(db, "B15", mof_div_code[:6], told["check_no"], rows)
        return {"check_no": told["check_no"], "count": len(rows)}

    def _tell_one(self, db: sqlite3.Connection, one: Json) -> bool:
        if mof.is_ours(db, one["tracking_id"]):
            return mof.tell(db, one, self.root / "in")
        county = one["pay_app_no"].split("-")[1][:6]
        keys = {"TRACKING_ID": one["tracking_id"], "PAY_APP_NO": one["pay_app_no"]}
        status = one["status"]
        seen = status if status in {"SUBMITTED", "RETURNED"} else "APPROVED"
        review = {
            "STATUS": seen, "RETURN_REASON": one["return_reason"],
            "IS_WITHDRAWN": str(int(one["is_withdrawn"])),
            "PAY_APP_AMT": _yuan(one["pay_app_amt_fen"]),
        }  # fmt: skip
        facts = [("B11", seen, review)]
        if one["pay_cert_no"]:
            voucher = {"PAY_CERT_NO": one["pay_cert_no"]}
            facts.append(("B12", "", voucher | {"VOU_DATE": one["vou_date"]}))
            if one["xpay_amt_fen"]:
                facts.append(("B13", "", voucher | {
                    "XPAY_AMT": _yuan(one["xpay_amt_fen"]), "XPAY_DATE": one["xpay_date"],
                    "AGENT_BUSINESS_NO": one["agent_business_no"],
                }))  # fmt: skip
        for place, back in enumerate(one["refunds"], start=1):
            facts.append(("B14", f"-{place}", {
                "REFUND_NO": back["refund_no"], "PAY_AMT": _yuan(back["amount_fen"]),
                "RETURN_REASON": back["reason"], "REFUND_TIME": back["at"],
            }))  # fmt: skip
        fresh = False
        for message, which, row in facts:
            number = f"{one['pay_app_no']}{'-' if which and which[0] != '-' else ''}{which}"
            fresh |= self._write(db, message, county, number, [keys | row])
        return fresh

    def _quotas(self, db: sqlite3.Connection) -> None:
        by_county: dict[str, list[dict[str, str]]] = {}
        for row in db.execute("SELECT * FROM indicator ORDER BY bgt_id").fetchall():
            current, held = balances(db, row["bgt_id"])
            told = {name: str(row[name.lower()]) for name in QUOTA} | {
                "SUP_BGT_DOC_NO": "", "AMOUNT": _yuan(row["amount_fen"]),
                "CUR_AMT": _yuan(current), "PAY_APP_AMT": _yuan(held),
                "BGT_EXE_FLAG": str(int(row["bgt_exe_flag"])), "IS_TRACK": "0",
                "TRACK_PRO_CODE": "", "MANAGE_MOF_DEP_CODE": "", "AS_OF": now().isoformat(),
            }  # fmt: skip
            by_county.setdefault(row["mof_div_code"][:6], []).append(told)
        count = db.execute("SELECT count(*) FROM told").fetchone()[0]
        for county, rows in by_county.items():
            self._write(db, "B01", county, f"{count:08d}", rows)

    def _write(
        self, db: sqlite3.Connection, message: str, county: str, number: str,
        rows: Sequence[Mapping[str, str]],
    ) -> bool:  # fmt: skip
        """True where this file is new. Its name is its key."""
        if not _is_new(db, f"{message}|{number}"):
            return False
        folder = self.root / "in"
        folder.mkdir(parents=True, exist_ok=True)
        columns = list(rows[0])
        body = "".join("D|" + "|".join(row[name] for name in columns) + "\n" for row in rows)
        summed = SUMMED.get(message, "")
        total = sum((Decimal(row[summed]) for row in rows), Decimal(0)) if summed else Decimal(0)
        digest = hashlib.new("sm3", body.encode("gb18030")).hexdigest()
        head = f"H|1|{message}|{number}|{len(rows)}|{total:.2f}|{now().isoformat()}"
        text = f"{head}\nC|{'|'.join(columns)}\n{body}T|{len(rows)}|{total:.2f}|{digest}\n{END}\n"
        path = folder / f"BGT_{message}_{county}_{now():%Y%m%d}_{number}_001of001.txt"
        path.with_suffix(".tmp").write_bytes(text.encode("gb18030"))
        path.with_suffix(".tmp").rename(path)
        path.with_suffix(".ok").touch()
        return True


def _is_new(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("INSERT OR IGNORE INTO told VALUES (?)", (name,)).rowcount == 1


def _read(path: Path) -> tuple[str, list[dict[str, str]]]:
    lines = path.read_bytes().decode("gb18030").split("\n")
    if lines[-2:] != [END, ""]:
        raise Fault(422, "E-FILE", f"{path.name} 没有结束标记。")
    columns = lines[1].split("|")[1:]
    rows = [dict(zip(columns, line.split("|")[1:], strict=True)) for line in lines[2:-3]]
    return lines[0].split("|")[2], rows


def _application(row: Mapping[str, str]) -> Json:
    named: Json = {name.lower(): text for name, text in row.items()}
    return named | {
        "pay_app_amt_fen": _fen(row["PAY_APP_AMT"]),
        "manifest": json.loads(json.dumps({"batch_no": row["PARAM_1"]})),
    }


def _fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def _yuan(fen: int) -> str:
    return f"{Decimal(fen) / 100:.2f}"
