"""Where a bank is, and how we know that it is the bank."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yikatong.kernel.errors import Refused

OPTIONAL: Final = (
    "inbox", "outbox", "receipts", "archive", "bad", "api_url", "tls_ca", "tls_cert", "tls_key",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BankEndpoint:
    """One bank's SFTP, API and keys; a bank may have one of the two only.

    `host_public_key` is the server's key in OpenSSH form, checked strictly; `sm2_public` the
    bank's SM2 key in hexadecimal; `payout_accounts` its 内部代发户 by county (6 digits).
    `api_url` is the address before `/v1/…`; TLS in front of it may have an authority of its own
    (`tls_ca`) and ask for our certificate (`tls_cert`, `tls_key`), all paths of PEM files.
    `always_open`: no cut-off time and no weekend, as a simulated bank; a real one keeps hours.
    """

    bank_no3: str
    host: str
    port: int
    user: str
    client_key: Path
    host_public_key: str
    sm2_public: str
    payout_accounts: tuple[tuple[str, str], ...] = ()
    inbox: str = "in"
    outbox: str = "out"
    receipts: str = "ack"
    archive: str = "archive"
    bad: str = "bad"
    api_url: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    always_open: bool = False

    def payout_account(self, county: str) -> str:
        """The number of the bank's 内部代发户 for that county. Raises Refused where none is."""
        for known, number in self.payout_accounts:
            if known == county:
                return number
        raise Refused(f"代发银行 {self.bank_no3} 没有登记区划 {county} 的内部代发户。")


def load_endpoints(path: Path) -> dict[str, BankEndpoint]:
    """Endpoints by `bank_no3` from a JSON file: `{"sftp": {"host", "port", "host_public_key"},
    "banks": [{"bank_no3", "user", "client_key", "sm2_public", "payout_accounts": {…}}]}`.

    A bank's own `host`, `port` or `host_public_key` goes before the common one.

    Raises:
        Refused: no such file, or a field is missing.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        common = content.get("sftp", {})
        banks = [_endpoint({**common, **bank}) for bank in content["banks"]]
    except FileNotFoundError:
        raise Refused(f"没有找到银行连接文件 {path.name}，请先启动或登记代发银行。") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refused(f"银行连接文件 {path.name} 内容不完整，请核对。") from None
    return {bank.bank_no3: bank for bank in banks}


def _endpoint(facts: dict[str, Any]) -> BankEndpoint:
    more = {name: str(facts[name]) for name in OPTIONAL if name in facts}
    return BankEndpoint(
        bank_no3=str(facts["bank_no3"]),
        host=str(facts["host"]),
        port=int(facts["port"]),
        user=str(facts["user"]),
        client_key=Path(facts["client_key"]),
        host_public_key=str(facts["host_public_key"]).strip(),
        sm2_public=str(facts["sm2_public"]),
        payout_accounts=tuple(sorted(facts.get("payout_accounts", {}).items())),
        always_open=facts.get("always_open") is True,
        **more,
    )
