"""The post room: files come out of the in-folders, are checked, acted on, and answered."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from simulators.bank import accounts, codec, faults, outbox, teller
from simulators.bank.books import Books
from simulators.bank.codec import BadFile, Part
from simulators.bank.crypto import Crypto
from simulators.loopback import now

SIZE_AT_MOST: Final = 64 * 1024 * 1024
NO_REFUSAL: Final = {"E-DUP-CONTENT", "E-FLAG", "E-SIZE"}


class Desk:
    """Reads one bank's in-folder after the other; `keys` has the crypto of each bank."""

    def __init__(self, books: Books, folders: Path, keys: Mapping[str, Crypto]) -> None:
        self.books, self.folders, self.keys = books, folders, keys

    def round(self) -> int:
        """Handle every complete file that lies there; returns how many."""
        handled = 0
        for bank in self.keys:
            for flag in sorted((self.folders / bank / "in").glob("*.ok")):
                self._handle(bank, flag.name.removesuffix(".ok"))
                handled += 1
        return handled

    def _handle(self, bank: str, file_name: str) -> None:
        folder = self.folders / bank / "in"
        try:
            sealed = self._stable(folder / file_name)
            signature = self._stable(folder / (file_name + ".sig"))
            part = codec.decode(file_name, sealed, signature, self.keys[bank], bank)
            self.take(bank, part)
            self._move(bank, file_name, "archive")
        except BadFile as bad:
            self._refuse_file(bank, file_name, bad)
            self._move(bank, file_name, "bad")

    def take(self, bank: str, part: Part) -> None:
        """One part under its key: new, the same again, or other content. All in one transaction.
        Raises BadFile."""
        name = part.name
        with self.books.write() as db:
            if name.msg == "REL" and faults.take(db, "cut_off_passed", bank, name.batch_no):
                bad = BadFile("E-CUTOFF", "已过当日截止时间，请下一工作日再发。")
                self._receipt(db, self.keys[bank], part, "REJECTED", bad, is_remembered=False)
                return
            known = db.execute("SELECT sm3 FROM part WHERE key = ?", (name.key,)).fetchone()
            if known is not None:
                if known["sm3"] != part.sm3:
                    raise BadFile("E-DUP-CONTENT", "同一键值此前收到过不同的内容。")
                outbox.say_again(db, name.msg, name.batch_no, name.part)
                return
            db.execute(
                "INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    name.key, bank, name.msg, name.batch_no, name.part, name.parts, part.count,
                    part.amount_fen, part.sm3, json.dumps(part.rows, ensure_ascii=False),
                ),
            )  # fmt: skip
            self._act(db, part)

    def _act(self, db: sqlite3.Connection, part: Part) -> None:
        name, crypto = part.name, self.keys[part.name.bank]
        if name.msg in {"REL", "CAN"}:
            self._instruct(db, part)
            return
        if name.msg == "PAY" and self._is_closed(db, part):
            return
        if name.msg == "PAY" and crypto.profile.takes_parts:
            self._take_part(db, part)
            return
        parts = db.execute(
            "SELECT * FROM part WHERE msg = ? AND batch_no = ? ORDER BY part",
            (name.msg, name.batch_no),
        ).fetchall()
        if len(parts) < name.parts:
            return
        rows = [row for one in parts for row in json.loads(one["rows"])]
        if name.msg == "VRQ":
            self._verify(db, part, rows)
        elif name.msg == "DZR":
            _note_day_answer(db, name.batch_no, rows)
            self._receipt(db, crypto, part, "ACCEPTED", None, len(rows))
        else:
            self._take_whole(db, part, rows, parts)

    def _take_whole(
        self, db: sqlite3.Connection, part: Part, rows: list[codec.Row], parts: list[sqlite3.Row]
    ) -> None:
        """All parts of a share at a bank that takes all or nothing."""
        crypto, amount = self.keys[part.name.bank], codec.total("PAY", rows)
        try:
            if part.tells_whole:
                _check_headers(part, rows, parts)
            teller.take_in(db, part.name.batch_no, rows, amount)
        except BadFile as bad:
            self._reject_batch(db, part.name.batch_no)
            self._receipt(db, crypto, part, "REJECTED", bad)
            return
        self._receipt(db, crypto, part, "ACCEPTED", None, len(rows), amount)

    def _take_part(self, db: sqlite3.Connection, part: Part) -> None:
        """A bank that works row by row takes each part by itself; the last decides the batch."""
        name, crypto = part.name, self.keys[part.name.bank]
        amount = codec.total("PAY", part.rows)
        try:
            self._ask_faults(db, part)
            teller.take_in(db, name.batch_no, part.rows, amount, "RECEIVING")
        except BadFile as bad:
            db.execute(
                "INSERT INTO refused_part VALUES (?, ?, ?)", (name.batch_no, name.part, bad.reason)
            )
            self._close(db, part)
            self._receipt(db, crypto, part, "REJECTED", bad)
            return
        self._close(db, part)
        self._receipt(db, crypto, part, "ACCEPTED", None, len(part.rows), amount)

    def _ask_faults(self, db: sqlite3.Connection, part: Part) -> None:
        name = part.name
        refused = faults.take(db, "refuse_part", name.bank, name.batch_no)
        if refused is None:
            return
        if int(refused.get("part", 1)) == name.part:
            raise BadFile("E-BANK", str(refused.get("reason", "本包预检不通过。")))
        faults.arm(db, refused | {"times": 1})

    def _close(self, db: sqlite3.Connection, part: Part) -> None:
        """All parts are in: the batch is what was accepted of it, or nothing."""
        name = part.name
        here = db.execute(
            "SELECT count(*) FROM part WHERE msg = 'PAY' AND batch_no = ?", (name.batch_no,)
        ).fetchone()[0]
        if here < name.parts:
            return
        db.execute(
            "INSERT INTO batch VALUES (?, ?, ?, 'REJECTED', 0, 0)"
            " ON CONFLICT (batch_no) DO UPDATE SET state = 'ACCEPTED'",
            (name.batch_no, name.bank, name.county),
        )

    def _is_closed(self, db: sqlite3.Connection, part: Part) -> bool:
        """A part for a batch that is complete, cancelled or rejected already: refused."""
        batch = db.execute(
            "SELECT state FROM batch WHERE batch_no = ?", (part.name.batch_no,)
        ).fetchone()
        if batch is None or batch["state"] == "RECEIVING":
            return False
        code = "E-CANCELLED" if batch["state"] == "CANCELLED" else "E-STATE"
        bad = BadFile(code, "批次已收齐、撤销或拒收，不再接收新的分包。")
        self._receipt(db, self.keys[part.name.bank], part, "REJECTED", bad)
        return True

    def _instruct(self, db: sqlite3.Connection, part: Part) -> None:
        name, crypto = part.name, self.keys[part.name.bank]
        db.execute("SAVEPOINT instruction")
        try:
            if name.msg == "REL":
                count, amount = len(part.rows), part.amount_fen
                teller.release(db, crypto, name.batch_no, part.rows)
            else:
                count, amount = teller.cancel(db, name.batch_no, part.rows)
        except BadFile as bad:
            db.execute("ROLLBACK TO instruction")
            self._receipt(db, crypto, part, "REJECTED", bad)
            return
        self._receipt(db, crypto, part, "ACCEPTED", None, count, amount)

    def _verify(self, db: sqlite3.Connection, part: Part, rows: list[codec.Row]) -> None:
        bank, batch_no = part.name.bank, part.name.batch_no
        if faults.take(db, "verify_unavailable", bank, batch_no) is not None:
            answers = [
                {
                    "verify_id": row["verify_id"], "result": "UNAVAILABLE", "reason_code": "S01",
                    "reason_text": "系统异常，无法验证", "checked_at": now().isoformat(),
                }
                for row in rows
            ]  # fmt: skip
        else:
            answers = [self._verified(db, bank, batch_no, row) for row in rows]
        ids = outbox.say(db, self.keys[bank], "VRS", batch_no, answers)
        self._remember(db, part, ids)

    def _verified(
        self, db: sqlite3.Connection, bank: str, batch_no: str, row: codec.Row
    ) -> codec.Row:
        """A card has so many tries a day; the registered name may carry another dot."""
        quota = self.keys[bank].profile.verify_per_day
        if not accounts.count_try(db, bank, str(row["acct_no"]), quota) or faults.take(
            db, "verify_quota", bank, batch_no
        ):
            return {
                "verify_id": row["verify_id"], "result": "UNAVAILABLE", "reason_code": "S01",
                "reason_text": "当日核验次数已用完", "checked_at": now().isoformat(),
            }  # fmt: skip
        answer = accounts.verification(db, bank, row)
        name = answer["name_registered"]
        if "·" in name and faults.take(db, "name_other_dot", bank, batch_no):
            answer["name_registered"] = name.replace("·", "．")
        return answer

    def _receipt(
        self, db: sqlite3.Connection, crypto: Crypto, part: Part, status: str,
        bad: BadFile | None, count: int = 0, amount_fen: int = 0, *, is_remembered: bool = True,
    ) -> None:  # fmt: skip
        name = part.name
        late = faults.take(db, "ack_late", name.bank, name.batch_no)
        ids = outbox.say(
            db, crypto, "ACK", name.batch_no,
            [
                {
                    "for_msg": name.msg, "for_part": name.part, "status": status,
                    "code": bad.code if bad else "", "reason": bad.reason if bad else "",
                    "count": count, "amount_fen": amount_fen,
                }
            ],
            wait_s=late.get("delay_s", 2.0) if late else 0.0,
            is_held=faults.take(db, "ack_lost", name.bank, name.batch_no) is not None,
        )  # fmt: skip
        if is_remembered:
            self._remember(db, part, ids)

    def _remember(self, db: sqlite3.Connection, part: Part, ids: list[int]) -> None:
        """The same part again brings the same answer. A share's answer belongs to all its parts."""
        name = part.name
        is_whole = name.msg in {"PAY", "VRQ"} and not (
            name.msg == "PAY" and self.keys[name.bank].profile.takes_parts
        )
        whole = range(1, name.parts + 1) if is_whole else (name.part,)
        db.executemany(
            "INSERT INTO answer VALUES (?, ?, ?, ?)",
            [(name.msg, name.batch_no, number, one) for number in whole for one in ids],
        )

    def _reject_batch(self, db: sqlite3.Connection, batch_no: str) -> None:
        db.execute(
            "INSERT OR IGNORE INTO batch VALUES (?, ?, ?, 'REJECTED', 0, 0)",
            (batch_no, batch_no[:3], batch_no[3:9]),
        )

    def _refuse_file(self, bank: str, file_name: str, bad: BadFile) -> None:
        """A file that cannot be used: told by receipt where its name says what it was."""
        try:
            name = codec.parse_name(file_name)
        except BadFile:
            name = None
        if name is None or name.bank != bank:
            sys.stderr.write(f"bank {bank}: a file with an unknown name went to bad\n")
            return
        self.refuse(bank, Part(name, 0, 0, "", []), bad)

    def refuse(self, bank: str, part: Part, bad: BadFile) -> None:
        """A message that cannot be used: the receipt says why, and a whole batch ends with it."""
        with self.books.write() as db:
            is_whole = not self.keys[bank].profile.takes_parts
            if part.name.msg == "PAY" and bad.code not in NO_REFUSAL and is_whole:
                self._reject_batch(db, part.name.batch_no)
            self._receipt(db, self.keys[bank], part, "REJECTED", bad, is_remembered=False)

    def _stable(self, path: Path) -> bytes:
        try:
            before = path.stat().st_size
            content = path.read_bytes() if before <= SIZE_AT_MOST else b""
        except OSError:
            raise BadFile("E-FLAG", "文件或签名缺失。") from None
        if len(content) != before:
            raise BadFile("E-SIZE", "文件大小不稳定。")
        return content

    def _move(self, bank: str, file_name: str, target: str) -> None:
        """The flag first: killed between, the rest lies there without one, as if never sent."""
        for ending in (".ok", "", ".sig"):
            source = self.folders / bank / "in" / (file_name + ending)
            if source.exists():
                source.replace(self.folders / bank / target / (file_name + ending))


def _note_day_answer(db: sqlite3.Connection, batch_no: str, rows: list[codec.Row]) -> None:
    db.execute("DELETE FROM day_answer WHERE batch_no = ?", (batch_no,))
    db.executemany(
        "INSERT INTO day_answer VALUES (?, ?, ?, ?, ?, ?)",
        [
            (batch_no, place, row["kind"], row["detail_id"], row["verdict"], row["reason"])
            for place, row in enumerate(rows)
        ],
    )


def _check_headers(part: Part, rows: list[codec.Row], parts: list[sqlite3.Row]) -> None:
    """Every part's header counts the whole. Raises BadFile."""
    told = {(one["parts"], one["count"], one["amount_fen"]) for one in parts}
    if told != {(part.name.parts, len(rows), codec.total("PAY", rows))}:
        raise BadFile("E-COUNT", "各分包合计与首行不一致。")
