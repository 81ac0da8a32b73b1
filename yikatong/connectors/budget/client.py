"""The budget system over HTTP. A timeout is never a failure: the outcome is unknown.

The key of a write is fixed before its first try; the same bytes go out under it again until an
answer comes.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Final

import httpx

from yikatong.connectors.budget.messages import (
    ApplicationState,
    DetailRow,
    FundingApplication,
    Quota,
    Reconciliation,
    ReconRow,
    application_from,
    quota_from,
    reconciliation_from,
)
from yikatong.connectors.budget.mof import MOST_DETAILS
from yikatong.kernel.digest import canonical, sm3
from yikatong.kernel.errors import Refused, TryAgain

WAIT_S: Final = 10.0
CONFLICT: Final = 409
NOT_FOUND: Final = 404
CLIENT_ERRORS: Final = range(400, 500)
ASK_AGAIN: Final = frozenset({408, 425, 429})


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: making it anew costs more than a call."""
    return ssl.create_default_context()


class OutcomeUnknown(TryAgain):
    """No answer, or none that can be read: it may have happened. Ask, then send the same bytes."""


class BudgetRefused(Refused):
    """The budget system says no, in its own words; nothing was booked there."""


class KeyReused(BudgetRefused):
    """Other content under a known key: our bug or a tampered record; a person looks."""


@dataclass(frozen=True, slots=True)
class BudgetClient:
    """Every method raises OutcomeUnknown where no clear answer came, BudgetRefused on a no.

    `transport` is for tests; `base_url` has no path.
    """

    base_url: str
    wait_s: float = WAIT_S
    transport: httpx.BaseTransport | None = field(default=None, repr=False)

    def quotas(
        self, *, mof_div_code: str, fiscal_year: str, agency_code: str = "", pro_code: str = ""
    ) -> tuple[Quota, ...]:
        """B01: the indicators of a county (9 digits) and year, narrowed where given."""
        asked = {"mof_div_code": mof_div_code, "fiscal_year": fiscal_year}
        if agency_code:
            asked["agency_code"] = agency_code
        if pro_code:
            asked["pro_code"] = pro_code
        answer = self._json(self._send("GET", "/v1/quotas", asked=asked))
        try:
            return tuple(quota_from(one, answer["as_of"]) for one in answer["quotas"])
        except (KeyError, TypeError, ValueError):
            raise OutcomeUnknown("预算系统的指标应答无法识别") from None

    def apply(self, application: FundingApplication) -> ApplicationState:
        """B02. Sent twice it is filed once, and the stored answer comes back.

        Raises:
            BudgetRefused: e.g. the indicator's balance is too small (AM-5).
            KeyReused: this tracking id was filed with other content.
        """
        return self._state(
            self._send("POST", "/v1/applications", body=application.body(), key=application.key)
        )

    def details(self, pay_app_no: str, rows: Sequence[DetailRow]) -> int:
        """B03: the persons behind an application, in parts of under 500; returns how many the
        budget system counted in all.

        Raises:
            BudgetRefused: e.g. their sum is not the application's.
        """
        path = f"/v1/applications/{pay_app_no}/details"
        parts = [rows[at : at + MOST_DETAILS] for at in range(0, len(rows), MOST_DETAILS)]
        counted = 0
        for place, part in enumerate(parts, start=1):
            content = {"part": place, "parts": len(parts), "rows": [asdict(row) for row in part]}
            key = f"B03:{pay_app_no}:{place}"
            answer = self._json(self._send("POST", path, body=canonical(content), key=key))
            if type(answer.get("count")) is not int:
                raise OutcomeUnknown("预算系统的明细应答无法识别")
            counted += answer["count"]
        return counted

    def reconciliation(self, *, mof_div_code: str, day: str) -> Reconciliation:
        """B15: what the budget system holds of the applications paid or refunded on a day."""
        asked = {"mof_div_code": mof_div_code, "day": day}
        answer = self._json(self._send("GET", "/v1/recon", asked=asked))
        try:
            return reconciliation_from(answer)
        except (KeyError, TypeError, ValueError):
            raise OutcomeUnknown("预算系统的对账应答无法识别") from None

    def answer_reconciliation(self, check_no: str, rows: Sequence[ReconRow]) -> int:
        """B15 back: 0 相符 or 1 不符 with a reason, row by row; how many the other side took."""
        told = [
            {"tracking_id": row.tracking_id, "result": row.result, "reason": row.reason}
            for row in rows
        ]
        body = canonical({"rows": told})
        answer = self._json(
            self._send("POST", f"/v1/recon/{check_no}", body=body, key=f"B15:{check_no}:1")
        )
        return int(answer.get("count", 0))

    def exchange(self, envelope: bytes) -> bytes:
        """One `<MOF>` envelope there, one back (receipts); the same bytes bring the same answer."""
        key = f"MOF:{sm3(envelope).hex()}"
        answer = self._json(
            self._send(
                "POST",
                "/v1/mof",
                body=canonical({"envelope": base64.b64encode(envelope).decode("ascii")}),
                key=key,
            )
        )
        try:
            return base64.b64decode(answer["envelope"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise OutcomeUnknown("预算系统的凭证应答无法识别") from None

    def withdraw(self, pay_app_no: str, reason: str) -> ApplicationState:
        """Take an application back before its voucher; afterwards it is RETURNED.

        Raises:
            BudgetRefused: a voucher exists already; the money must come back by refund.
        """
        body = canonical({"reason": reason})
        path = f"/v1/applications/{pay_app_no}/withdraw"
        return self._state(self._send("POST", path, body=body, key=f"B02W:{pay_app_no}:1"))

    def application(self, pay_app_no: str) -> ApplicationState:
        """Where an application is now (B11 to B14)."""
        return self._state(self._send("GET", f"/v1/applications/{pay_app_no}"))

    def find(self, tracking_id: str) -> ApplicationState | None:
        """The application filed under our id; None: it never arrived. The way out of unknown."""
        response = self._send("GET", "/v1/applications", asked={"tracking_id": tracking_id})
        found = self._json(response).get("applications")
        if not isinstance(found, list):
            raise OutcomeUnknown("预算系统的查询应答无法识别")
        return self._parsed(found[0]) if found else None

    def _send(
        self,
        method: str,
        path: str,
        *,
        asked: dict[str, str] | None = None,
        body: bytes | None = None,
        key: str = "",
    ) -> httpx.Response:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = key
            headers["X-Body-SM3"] = sm3(body).hex()
        try:
            with httpx.Client(
                base_url=self.base_url, timeout=self.wait_s, transport=self.transport,
                verify=_certificates(), trust_env=False, follow_redirects=False,
            ) as client:  # fmt: skip
                response = client.request(method, path, params=asked, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"预算系统没有应答：{type(error).__name__}") from error
        return self._answered(response)

    def _answered(self, response: httpx.Response) -> httpx.Response:
        code = response.status_code
        if response.is_success:
            return response
        if code in CLIENT_ERRORS and code not in ASK_AGAIN:
            words = self._reason(response)
            raise (KeyReused if code == CONFLICT and words[0] == "E-KEY" else BudgetRefused)(
                f"预算一体化系统未受理：{words[1]}"
            )
        raise OutcomeUnknown(f"预算系统应答 {code}")

    def _reason(self, response: httpx.Response) -> tuple[str, str]:
        try:
            said = response.json()
            return str(said["code"]), str(said["reason"])
        except (ValueError, KeyError, TypeError):
            return "", f"应答 {response.status_code}，没有说明原因，请与财政核对。"

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise OutcomeUnknown("预算系统的应答无法识别")
        return answer

    def _state(self, response: httpx.Response) -> ApplicationState:
        return self._parsed(self._json(response))

    def _parsed(self, facts: dict[str, Any]) -> ApplicationState:
        try:
            return application_from(facts)
        except (KeyError, TypeError, ValueError):
            raise OutcomeUnknown("预算系统的应答缺少字段") from None
