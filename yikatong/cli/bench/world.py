"""The county of a benchmark: made-up people, cards, rosters and ten years of payments, made once.

It is a home of its own below `$YKT_HOME/bench`, with its own server: nobody's data is touched, and
the next run finds it ready. Nobody in it exists; the numbers are checked ones of one made-up range.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
import psycopg

from yikatong.cli import session
from yikatong.cli.postgres import Server
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home
from yikatong.kernel.resident_id import CHECK_CHARACTERS, WEIGHTS

SLUG: Final = "pengshui"
COUNTY: Final = "500243"
PROGRAMME: Final = "P01"
FIRST_YEAR, LAST_YEAR = 2016, 2025
PERIOD: Final = "2026-12"
RATE_FEN: Final = 7360
BIRTHDAYS: Final = 25_000
SERIALS: Final = 200
FIRST_SERIAL: Final = 800
OLDEST: Final = date(1935, 1, 1)
SURNAMES: Final = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN: Final = "秀英伟芳敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂兰玉华文国建志梅"
SCRIPT: Final = Path(__file__).with_name("world.sql")
MADE: Final = "made"


@dataclass(frozen=True, slots=True)
class World:
    """A ready home: `people` registered, `payments` of earlier periods."""

    home: Home
    people: int
    payments: int


def enter(people: int) -> World:
    """Make or find the world of so many people, and point this process at it.

    Raises:
        Refused: there is not room enough, or it could not be made.
    """
    people = max(people - people % 3, 300)
    payments = people // 3 * (LAST_YEAR - FIRST_YEAR + 1)
    home = Home(session.home().root / "bench" / f"{people}")
    os.environ["YKT_HOME"] = str(home.root)
    marker = home.root / MADE
    if not marker.exists():
        _make(home, people)
    if not marker.exists() or marker.read_text("ascii") != _shape():
        Server(home).ensure_running()
        _run("yikatong.cli.setup", SLUG)  # tables and law of today
        marker.write_text(_shape(), "ascii")
    return World(home, people, payments)


def everyone(people: int) -> pl.DataFrame:
    """n, name, id_number, id_masked, account_no, last4, is_male, birth_on, mu: nobody real."""
    if people > BIRTHDAYS * SERIALS:
        raise Refused(f"基准最多 {BIRTHDAYS * SERIALS} 人。")
    n = pl.col("n")
    frame = pl.DataFrame({"n": pl.arange(people, eager=True, dtype=pl.Int64)}).with_columns(
        birth_on=pl.lit(OLDEST) + pl.duration(days=n * 7919 % BIRTHDAYS),
        serial=FIRST_SERIAL + n // BIRTHDAYS,
        name=_of(SURNAMES, n * 31) + _of(GIVEN, n * 17) + _of(GIVEN, n // 7 * 13),
        mu=((n // 3 % 90 + 10).cast(pl.Decimal(14, 3)) / 10),
        body="6217" + (n + 100_000_000_000).cast(pl.String),
    )
    first17 = COUNTY + pl.col("birth_on").dt.strftime("%Y%m%d") + pl.col("serial").cast(pl.String)
    frame = frame.with_columns(first17=first17)
    digits = [pl.col("first17").str.slice(place, 1).cast(pl.Int32) for place in range(17)]
    total = pl.sum_horizontal(digit * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    check = (total % 11).replace_strict(dict(enumerate(CHECK_CHARACTERS)), return_dtype=pl.String)
    return frame.select(
        "n",
        "name",
        id_number=pl.col("first17") + check,
        id_masked=pl.col("first17").str.slice(0, 6)
        + "********"
        + pl.col("first17").str.slice(14)
        + check,
        account_no=pl.col("body") + _luhn(pl.col("body")),
        is_male=pl.col("serial") % 2 == 1,
        birth_on="birth_on",
        mu="mu",
    )


def connect(world: World) -> psycopg.Connection[Any]:
    """The administrator's hand, for making the world and for reference tables."""
    return psycopg.connect(Server(world.home).conninfo(), autocommit=True)


def _of(letters: str, places: pl.Expr) -> pl.Expr:
    return (places % len(letters)).replace_strict(dict(enumerate(letters)), return_dtype=pl.String)


def _luhn(body: pl.Expr) -> pl.Expr:
    """The last digit for a body of sixteen: doubled are the places 15, 13, … from the left."""
    total = pl.lit(0)
    for place in range(16):
        digit = body.str.slice(place, 1).cast(pl.Int32)
        doubled = digit * 2
        is_doubled = place % 2 == 1
        total = total + ((doubled // 10 + doubled % 10) if is_doubled else digit)
    return ((10 - total % 10) % 10).cast(pl.String)


def _make(home: Home, people: int) -> None:
    started = time.monotonic()
    session.say(f"建立基准用的区县（{people} 人，只建一次，留在 {home.root}）……")
    shutil.rmtree(home.root, ignore_errors=True)
    home.root.mkdir(parents=True)
    _run("yikatong.cli", "init", "--county", SLUG, "--people", "0")
    _fill(home, people)
    session.say(f"已建好，用时 {time.monotonic() - started:.0f} 秒。")


def _shape() -> str:
    """Of tables and law: a world of another shape is brought up to this one."""
    places = ("yikatong/*/migrations/*.py", "yikatong/law/*")
    files = sorted(file for place in places for file in CHECKOUT.glob(place))
    return sm3(b"".join(file.read_bytes() for file in files if file.is_file())).hex()


def _run(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", *words],
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "YKT_PROCESS": "owner",
            "YKT_SOCKET_DIR": str(Server(session.home()).socket_dir),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"建立基准用的区县没有成功：{done.stderr.strip()}")


def _fill(home: Home, people: int) -> None:
    from yikatong.vault.cipher import Vault

    vault = Vault.open(home.keys)
    frame = everyone(people)
    ids = vault.blind_indexes(COUNTY, frame["id_number"])
    accounts = vault.blind_indexes(COUNTY, frame["account_no"], kind="card")
    staged = frame.select(
        "n",
        "name",
        pl.Series("id_index", ids, dtype=pl.Binary).bin.encode("hex").str.pad_start(66, "~"),
        "id_masked",
        pl.Series("account_index", accounts, dtype=pl.Binary)
        .bin.encode("hex")
        .str.pad_start(66, "~"),
        pl.col("account_no").str.slice(-4).alias("last4"),
        "is_male",
        "birth_on",
        "mu",
    ).with_columns(pl.col("id_index", "account_index").str.replace("~~", "\\x", literal=True))
    villages = (
        "CREATE TABLE bench_village AS"
        " SELECT row_number() OVER (ORDER BY unit_no) - 1 AS place, unit_no"
        " FROM organisation_unit WHERE unit_no = unit_hi"
    )
    with psycopg.connect(Server(home).conninfo(), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE bench_person (n int, name text, id_index bytea, id_masked text,"
            " account_index bytea, last4 text, is_male bool, birth_on date, mu numeric)"
        )
        connection.execute(villages)
        with connection.cursor().copy("COPY bench_person FROM STDIN (FORMAT csv)") as copy:
            for chunk in staged.iter_slices(100_000):
                buffer = io.BytesIO()
                chunk.write_csv(buffer, include_header=False)
                copy.write(buffer.getvalue())
        connection.execute("ANALYZE bench_person; ANALYZE bench_village")
        script = SCRIPT.read_text(encoding="utf-8").format(
            county=COUNTY,
            programme=PROGRAMME,
            households=people // 3,
            first_year=FIRST_YEAR,
            last_year=LAST_YEAR,
        )
        for statement in script.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("DROP TABLE bench_person, bench_village")
        connection.execute("VACUUM (FREEZE, ANALYZE)")
        connection.execute("CHECKPOINT")
