"""`xlsx`: a workbook to stored lines and verdicts, beside what two contractors would have written.

The references run in an environment of their own (`requirements-bench.lock`), made once below the
home. Their interpreters' start and imports are not counted, as ours are not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yikatong.cli import session
from yikatong.cli.bench import batch, harness, sheets, world
from yikatong.cli.postgres import Server
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home

ROWS: Final = 100_000
ALL_RULES, ROW_RULES, PER_ROW = 0.67, 0.4, 0.067
PROGRAMS: Final = CHECKOUT / "benchmarks"
LOCK: Final = CHECKOUT / "requirements-bench.lock"
# the second reference takes minutes for more: its rate is compared, and this is said
MOST_ROWS: Final = 10_000
ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What a reference did: how many of the lines it found faulty, and how long it took."""

    faulty: int
    seconds: float


def run(rows: int) -> list[harness.Figure]:
    python = environment(session.home())
    county = world.enter(rows * batch.PEOPLE_A_LINE)
    session.log_in("web")
    whole = _workbook(county, rows)
    few = min(rows, MOST_ROWS)
    part = _workbook(county, few)
    batch.walk(whole)  # warms the file's pages and our side
    batch.forget(county)
    with_all: list[float] = []
    row_checks: list[float] = []
    pandas: list[float] = []
    for _ in range(ROUNDS):
        theirs = _pandas(python, county, whole)
        pandas.append(theirs.seconds)
        passage = batch.walk(whole)
        with_all.append(passage.total)
        row_checks.append(passage.seconds["store"])
        _same_lines_are_faulty(county, passage.number, theirs)
        batch.forget(county)
    passage = batch.walk(part)
    rows_again = [_import_export(python, county, part) for _ in range(3)]
    for theirs in rows_again:
        _same_lines_are_faulty(county, passage.number, theirs)
    batch.forget(county)
    tuned = [theirs.seconds * rows / few for theirs in rows_again]
    rates = f"django-import-export（{few} 行，按每行折算）"
    name = "pandas + calamine + COPY（只做行检查）"
    return [
        harness.figure(f"{rows} 行工作簿，全部规则", with_all, name, pandas, target=ALL_RULES),
        harness.figure(f"{rows} 行工作簿，只做行检查", row_checks, name, pandas, target=ROW_RULES),
        harness.figure(f"{rows} 行工作簿，全部规则", with_all, rates, tuned, target=PER_ROW),
        harness.figure(f"{rows} 行工作簿，只做行检查", row_checks, rates, tuned, target=PER_ROW),
    ]


def environment(home: Home) -> Path:
    """The references' own Python, made once. Raises Refused where it cannot be."""
    folder = home.root / "bench" / "references"
    python = folder / "bin" / "python"
    stamp = folder / "lock"
    wanted = LOCK.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    session.say("建立参照程序的运行环境（只建一次）……")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
    for words in ([sys.executable, "-m", "venv", str(folder)], pip):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(f"参照程序的运行环境没有建成：{done.stderr.strip()[-300:]}")
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _workbook(county: world.World, rows: int) -> Path:
    file = county.home.root / f"list-{rows}.xlsx"
    if not file.exists():
        sheets.write_xlsx(file, rows)
    return file


def _same_lines_are_faulty(county: world.World, number: str, theirs: Told) -> None:
    """The row checks are the same ones, or there is nothing to compare. Raises Refused."""
    with world.connect(county) as connection:
        row = connection.execute(
            "SELECT count(*) FROM submission_line AS line JOIN submission_batch AS batch"
            " ON batch.id = line.batch_id WHERE batch.number = %s AND line.faults @? %s",
            [number, '$[*] ? (@.severity == "block" || @.severity == "confirm")'],
        ).fetchone()
    ours = 0 if row is None else row[0]
    if ours != theirs.faulty:
        raise Refused(
            f"参照程序查出 {theirs.faulty} 行有误，我方的行检查查出 {ours} 行：检查不同，不能比。"
        )


def _pandas(python: Path, county: world.World, file: Path) -> Told:
    return _told(python, "pandas_copy.py", str(file), Server(county.home).conninfo())


def _import_export(python: Path, county: world.World, file: Path) -> Told:
    server = Server(county.home)
    return _told(
        python, "import_export.py", str(file), str(server.socket_dir), "ykt_admin", "yikatong"
    )


def _told(python: Path, program: str, *words: str) -> Told:
    done = subprocess.run(
        [str(python), "-P", str(PROGRAMS / program), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"参照程序 {program} 没有跑完：{done.stderr.strip()[-300:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return Told(faulty=told["faulty"], seconds=told["seconds"])
