"""The budget system by file exchange: messages written and read whole, nothing is ever asked.

`out/` is ours, `in/` theirs; a file counts once its `.ok` stands beside it. A name is a key: the
same application is the same file for ever. What cannot be read goes to `bad/` with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from yikatong.connectors.budget import textform
from yikatong.connectors.budget.client import BudgetRefused, KeyReused, OutcomeUnknown
from yikatong.connectors.budget.fieldmap import FieldMap
from yikatong.connectors.budget.folding import STAGES, folded
from yikatong.connectors.budget.messages import (
    ApplicationState,
    DetailRow,
    FundingApplication,
    Quota,
    Reconciliation,
    ReconRow,
    State,
    quota_from,
)
from yikatong.connectors.budget.mof import MOST_DETAILS
from yikatong.kernel.errors import Refused


@dataclass(frozen=True, slots=True)
class BudgetFolder:
    """The file form of `BudgetClient`: the same questions, answered from what has come so far.

    Raises OutcomeUnknown where no file has told yet, BudgetRefused on a no. `now` is for tests.
    """

    root: Path
    county: str
    field_map: FieldMap
    now: datetime

    def quotas(
        self, *, mof_div_code: str, fiscal_year: str, agency_code: str = "", pro_code: str = ""
    ) -> tuple[Quota, ...]:
        """B01: the newest file of indicators, narrowed as asked."""
        files = list(self._inbox("B01"))
        if not files:
            raise OutcomeUnknown("尚未收到预算系统的指标文件")
        found = (quota_from(row, row["as_of"]) for row in files[-1].rows)
        return tuple(
            one
            for one in found
            if (one.mof_div_code, one.fiscal_year) == (mof_div_code, fiscal_year)
            and agency_code in {"", one.agency_code}
            and pro_code in {"", one.pro_code}
        )

    def apply(self, application: FundingApplication) -> ApplicationState:
        """B02, written once under its tracking id.

        Raises:
            KeyReused: it was written before with other content.
        """
        manifest = {
            f"manifest_{name}": value for name, value in asdict(application.manifest).items()
        }
        row = asdict(application) | manifest
        self._put("B02", application.tracking_id, [row])
        return self.find(application.tracking_id) or self._first(application.tracking_id)

    def withdraw(self, pay_app_no: str, reason: str) -> ApplicationState:
        """Ask for an application back; their B11 tells whether it was.

        Raises:
            BudgetRefused: a voucher has come already; the money must come back by refund.
        """
        state = self.application(pay_app_no)
        if state.pay_cert_no:
            raise BudgetRefused("预算一体化系统未受理：已生成支付凭证，不能撤回，请由银行退款。")
        row = {"tracking_id": state.tracking_id, "pay_app_no": pay_app_no, "reason": reason}
        self._put("B02W", state.tracking_id, [row])
        again = self.find(state.tracking_id)
        if again is None or not again.is_withdrawn:
            raise OutcomeUnknown("撤回申请已写出，等待预算系统回文")
        return again

    def details(self, pay_app_no: str, rows: Sequence[DetailRow]) -> int:
        """B03: the persons of an application, in files of under 500 each."""
        told = [asdict(row) | {"pay_app_no": pay_app_no} for row in rows]
        parts = [told[at : at + MOST_DETAILS] for at in range(0, len(told), MOST_DETAILS)]
        for place, part in enumerate(parts, start=1):
            self._put("B03", pay_app_no, part, place=(place, len(parts)))
        return len(rows)

    def application(self, pay_app_no: str) -> ApplicationState:
        """Where an application is, by their number."""
        for row in self._rows("B11", "B12"):
            if row["pay_app_no"] == pay_app_no:
                found = self.find(row["tracking_id"])
                if found is not None:
                    return found
        raise OutcomeUnknown(f"还没有支付申请 {pay_app_no} 的回文")

    def find(self, tracking_id: str) -> ApplicationState | None:
        """Every file about an application, folded in the order of its stages."""
        state = None
        for message in STAGES:
            for row in self._rows(message):
                if row["tracking_id"] == tracking_id:
                    state = folded(state or self._first(tracking_id), message, row)
        return state

    def reconciliation(self, *, mof_div_code: str, day: str) -> Reconciliation:
        """B15 as it came for that day."""
        wanted = f"DZ{mof_div_code}{day.replace('-', '')}"
        for file in self._inbox("B15"):
            if file.number == wanted:
                rows = tuple(
                    ReconRow(
                        **{n: row[n] for n in ReconRow.__dataclass_fields__ if n != "status"},
                        status=State(row["status"]),
                    )
                    for row in (_without(one, "check_no") for one in file.rows)
                )
                return Reconciliation(wanted, rows)
        raise OutcomeUnknown(f"尚未收到 {day} 的对账文件")

    def answer_reconciliation(self, check_no: str, rows: Sequence[ReconRow]) -> int:
        """B15 back, row by row."""
        self._put("B15", check_no, [asdict(row) | {"check_no": check_no} for row in rows])
        return len(rows)

    def _first(self, tracking_id: str) -> ApplicationState:
        return ApplicationState(
            pay_app_no="", tracking_id=tracking_id, status=State.SUBMITTED, pay_app_amt_fen=0
        )

    def _put(
        self,
        message: str,
        number: str,
        rows: Sequence[dict[str, Any]],
        *,
        place: tuple[int, int] = (1, 1),
    ) -> None:
        out = self.root / "out"
        out.mkdir(parents=True, exist_ok=True)
        name = textform.file_name(message, self.county, self.now.date(), number, place=place)
        this = f"{place[0]:03}of{place[1]:03}"
        known = sorted(out.glob(f"YKT_{message}_{self.county}_*_{number}_{this}.txt"))
        if known:
            before = textform.read(known[0].read_bytes(), field_map=self.field_map)
            content = textform.write(
                message, number, rows, field_map=self.field_map, created=self.now
            )
            if textform.read(content, field_map=self.field_map).rows != before.rows:
                raise KeyReused(
                    f"{known[0].name} 已写出，内容不同，不能覆盖。请联系系统管理员核查。"
                )
            (known[0].with_suffix(".ok")).touch()
            return
        content = textform.write(message, number, rows, field_map=self.field_map, created=self.now)
        temporary = out / f"{name}.tmp"
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.rename(out / name)
        (out / name).with_suffix(".ok").touch()

    def _rows(self, *messages: str) -> Iterator[dict[str, Any]]:
        for message in messages:
            for file in self._inbox(message):
                yield from file.rows

    def _inbox(self, message: str) -> Iterator[textform.TextFile]:
        for flag in sorted((self.root / "in").glob(f"BGT_{message}_{self.county}_*.ok")):
            path = flag.with_suffix(".txt")
            try:
                file = textform.read(path.read_bytes(), field_map=self.field_map)
            except (OSError, Refused) as error:
                self._set_aside(path, flag, str(error))
                continue
            if file.message == message:
                yield file

    def _set_aside(self, path: Path, flag: Path, why: str) -> None:
        bad = self.root / "bad"
        bad.mkdir(parents=True, exist_ok=True)
        flag.rename(bad / flag.name)
        if path.exists():
            path.rename(bad / path.name)
        (bad / f"{path.name}.why").write_text(why, encoding="utf-8")


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
