"""`bankfile`: a payout as the bank's file (GB 18030, SM3, SM4-GCM, SM2) against the plain CSV of
the same rows (speed.md §3 f). Both end on the disk.
"""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from yikatong.cli.bench import harness
from yikatong.connectors.bank.files import encode
from yikatong.connectors.bank.frames import Framed
from yikatong.connectors.bank.messages import Message, Msg, PayRow
from yikatong.connectors.bank.names import CHINA
from yikatong.connectors.bank.profiles import BankProfile
from yikatong.vault.wire import WireEnvelope, WireKeys

ROWS: Final = 1_000_000
TARGET: Final = 12.0
ROUNDS: Final = 5
BATCH: Final = "ABC50010420260115000001"
NAMES: Final = ("李秀英", "阿依古丽·买买提", "欧阳明", "王五")


def run(rows: int) -> list[harness.Figure]:
    frame = payouts(rows)
    keys = WireKeys.create()
    envelope = keys.facing(keys.public_hex)
    ours: list[float] = []
    plain: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            plain.append(_timed(lambda: frame.write_csv(Path(folder) / "plain.csv")))
            ours.append(_timed(lambda: _write(frame, envelope, Path(folder))))
    return [
        harness.figure(
            f"银行文件 {rows} 行（GB18030、SM3、SM4-GCM、SM2 签名）", ours, "同样的行写成普通 CSV",
            plain, target=TARGET, rows_per_second=round(rows / min(ours)),
        )
    ]  # fmt: skip


def payouts(rows: int) -> Any:
    """Made-up payouts, every personal column different from row to row."""
    import polars as pl

    number = pl.int_range(1, rows + 1, eager=True)
    text = number.cast(pl.String)
    amount = number * 37 % 900_000 + 100
    yuan = (amount // 100).cast(pl.String) + "." + (amount % 100).cast(pl.String).str.zfill(2)
    same = {
        "ref_batch_no": "DDK-2026-000001", "mof_div_code": "500104000", "fiscal_year": "2026",
        "project_code": "P05", "project_short": "耕地地力", "period": "2026-01", "id_type": "01",
        "acct_type": "CARD", "currency": "CNY", "summary": "耕地地力",
    }  # fmt: skip
    return pl.DataFrame(
        {
            "detail_id": BATCH + text.str.zfill(7),
            "seq": number,
            "payee_name": pl.Series([NAMES[n % len(NAMES)] for n in range(rows)]),
            "id_no": "5001041950" + text.str.zfill(8),
            "acct_no": "622848" + text.str.zfill(13),
            "amount_fen": amount,
            "sms_text": "【农业银行】您的耕地地力补贴" + yuan + "元已于1月发放。咨询023-12345678。",
            "ntf_text": "耕地地力补贴" + yuan + "元",
        }
    ).with_columns(**{name: pl.lit(value) for name, value in same.items()})


def _write(frame: Any, envelope: WireEnvelope, folder: Path) -> None:
    message = Message(Msg.PAY, BATCH, Framed(PayRow, frame))
    profile = BankProfile(max_rows=len(message.rows))  # one part: one block, one signature
    for part in encode(message, created=datetime.now(CHINA), envelope=envelope, profile=profile):
        (folder / part.name).write_bytes(part.sealed)
        (folder / f"{part.name}.sig").write_bytes(part.signature)


def _timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
