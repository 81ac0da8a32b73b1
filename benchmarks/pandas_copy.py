"""Reference: pandas + calamine + COPY. Row checks only; no trail, no constraint, money as float.

argv: the workbook, the connection string. Prints one JSON object: rows, faulty, seconds.
"""

from __future__ import annotations

import io
import json
import sys
import time

import pandas as pd
import psycopg

REQUIRED = (
    "户主姓名*",
    "户主身份证号*",
    "收款人姓名*",
    "收款人身份证号*",
    "享受人*",
    "享受人身份证号*",
    "补贴金额*",
)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
TABLE = "bench_reference"


def id_faults(numbers: pd.Series) -> pd.Series:
    """Shape, check character and birth date of an id column, each distinct number once."""
    distinct = pd.Series(numbers.dropna().unique())
    upper = distinct.str.upper().str.strip()
    shape = upper.str.fullmatch(r"\d{17}[\dX]")
    padded = upper.where(shape, "0" * 18)
    total = sum(padded.str[place].astype(int) * weight for place, weight in enumerate(WEIGHTS))
    check = total.mod(11).map(lambda rest: CHECKS[rest])
    born = pd.to_datetime(padded.str[6:14], format="%Y%m%d", errors="coerce")
    bad = ~shape | (check != padded.str[17]) | born.isna() | (born > pd.Timestamp.now())
    return numbers.map(dict(zip(distinct, bad, strict=True))).fillna(value=True).astype(bool)


def examined(frame: pd.DataFrame) -> pd.Series:
    faulty = pd.Series(data=False, index=frame.index)
    for column in REQUIRED:
        faulty |= frame[column].isna()
    for column in ("户主身份证号*", "收款人身份证号*", "享受人身份证号*"):
        faulty |= id_faults(frame[column])
    account = frame["银行账号*"].fillna("").str.strip()
    faulty |= ~account.str.fullmatch(r"\d{12,21}")
    amount = pd.to_numeric(frame["补贴金额*"], errors="coerce")
    faulty |= amount.isna() | (amount <= 0) | ((amount * 100).round(6) % 1 != 0)
    for column in ("数量", "补贴标准"):
        faulty |= pd.to_numeric(frame[column], errors="coerce").isna() & frame[column].notna()
    faulty |= frame.duplicated(["享受人身份证号*", "标的编号"], keep=False)
    return faulty


def stored(frame: pd.DataFrame, conninfo: str) -> None:
    names = [f"c{place}" for place in range(frame.shape[1])]
    buffer = io.StringIO()
    frame.to_csv(buffer, index=False, header=False)
    with psycopg.connect(conninfo) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        connection.execute(f"CREATE TABLE {TABLE} ({', '.join(f'{name} text' for name in names)})")
        with connection.cursor().copy(f"COPY {TABLE} FROM STDIN (FORMAT csv)") as copy:
            copy.write(buffer.getvalue())
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {TABLE}")


def main() -> None:
    workbook, conninfo = sys.argv[1:]
    started = time.perf_counter()
    frame = pd.read_excel(workbook, engine="calamine", dtype=str)
    frame["faulty"] = examined(frame)
    stored(frame, conninfo)
    seconds = time.perf_counter() - started
    told = {"rows": len(frame), "faulty": int(frame["faulty"].sum()), "seconds": seconds}
    sys.stdout.write(json.dumps(told))


main()
