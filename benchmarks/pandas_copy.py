"""Reference: pandas + calamine + COPY. The row checks only; no trail, no constraint, money as float.

The checks are those of our own row rules on these columns, told as the fields that are wrong: the
bench refuses to compare where the two find other lines.

argv: the workbook, the connection string. Prints one JSON object: rows, faulty, seconds.
"""

from __future__ import annotations

import io
import json
import sys
import time

import pandas as pd
import psycopg

REQUIRED = ("收款人姓名*", "收款人身份证号*", "享受人*", "享受人身份证号*", "补贴金额*")
IDS = ("户主身份证号*", "收款人身份证号*", "享受人身份证号*")
NAMES = ("户主姓名*", "收款人姓名*", "享受人*")
NUMBERS = ("数量", "补贴标准")
ACCOUNT, AMOUNT = "银行账号*", "补贴金额*"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
UNREADABLE = "[\ue000-\uf8ff？?□\ufffd■]"
LONGEST_LIFE = pd.DateOffset(years=121)
LUHN_DIGITS = 19
TABLE = "bench_reference"


def cleaned(column: pd.Series) -> pd.Series:
    """As people type: full-width signs folded, blanks taken away; empty is missing."""
    folded = column.str.normalize("NFKC").str.replace(r"\s+", "", regex=True)
    return folded.where(folded != "")


def each_once(column: pd.Series, check) -> pd.Series:
    """True where a filled cell is wrong, each distinct text judged once."""
    distinct = pd.Series(column.dropna().unique(), dtype="object").astype("str")
    wrong = dict(zip(distinct, check(distinct), strict=True))
    return column.map(wrong).fillna(value=False).astype(bool)


def id_is_wrong(numbers: pd.Series) -> pd.Series:
    upper = numbers.str.upper()
    is_new = upper.str.fullmatch(r"\d{17}[\dX]")
    is_old = upper.str.fullmatch(r"\d{15}")
    body = upper.where(is_new, upper.str[:6] + "19" + upper.str[6:] + "0")
    body = body.where(is_new | is_old, "0" * 18)
    total = sum(body.str[place].astype(int) * weight for place, weight in enumerate(WEIGHTS))
    check = total.mod(11).map(lambda rest: CHECKS[rest])
    born = pd.to_datetime(body.str[6:14], format="%Y%m%d", errors="coerce")
    today = pd.Timestamp.now().normalize()
    unborn = born.isna() | (born > today) | (born <= today - LONGEST_LIFE)
    return ~is_new | (check != body.str[17]) | unborn


def luhn_fails(numbers: pd.Series) -> pd.Series:
    """Told, not refused: passbooks have numbers without it."""
    padded = numbers.str.zfill(LUHN_DIGITS)
    is_number = padded.str.fullmatch(rf"\d{{{LUHN_DIGITS}}}")
    padded = padded.where(is_number, "0" * LUHN_DIGITS)
    total = 0
    for place in range(LUHN_DIGITS):
        digit = padded.str[LUHN_DIGITS - 1 - place].astype(int)
        total = total + (digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4))
    return ~is_number | (total % 10 != 0)


def number_is_wrong(texts: pd.Series) -> pd.Series:
    return ~texts.str.fullmatch(r"\d{1,9}(?:\.\d{1,7})?")


def amount_is_wrong(texts: pd.Series) -> pd.Series:
    amount = pd.to_numeric(texts, errors="coerce")
    return amount.isna() | (amount <= 0) | ((amount * 100).round(6) % 1 != 0)


def name_is_wrong(names: pd.Series) -> pd.Series:
    return names.str.contains(UNREADABLE)


def examined(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `errors` (fields that are wrong) and `hints` (what is only told)."""
    frame = frame.apply(cleaned)
    wrong = {column: frame[column].isna() for column in REQUIRED}
    checks = {
        **dict.fromkeys(IDS, id_is_wrong),
        **dict.fromkeys(NAMES, name_is_wrong),
        **dict.fromkeys(NUMBERS, number_is_wrong),
        AMOUNT: amount_is_wrong,
    }
    for column, check in checks.items():
        found = each_once(frame[column], check)
        wrong[column] = wrong[column] | found if column in wrong else found
    errors = pd.Series("", index=frame.index)
    for column, found in wrong.items():
        errors = errors.where(~found, errors + column + " ")
    return frame.assign(errors=errors, hints=each_once(frame[ACCOUNT], luhn_fails))


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
    frame = examined(pd.read_excel(workbook, engine="calamine", dtype=str))
    stored(frame, conninfo)
    seconds = time.perf_counter() - started
    faulty = int((frame["errors"] != "").sum())
    sys.stdout.write(json.dumps({"rows": len(frame), "faulty": faulty, "seconds": seconds}))


main()
