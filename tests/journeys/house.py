"""A home for whole stories: real database, simulators and worker as processes of their own.

`House.ykt` is a command in a fresh interpreter, `House.do` the same command in a process that stays
(`tests.journeys.hand`). The bank's books are read over its control port: they are the oracle.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from yikatong.catalogue.specs import CountyPack
from yikatong.cli import session, setup
from yikatong.cli.postgres import Server
from yikatong.cli.sample import books
from yikatong.cli.sample.lists import SampleLine, SampleList, disbursement_list
from yikatong.cli.sample.people import SamplePopulation
from yikatong.kernel.home import CHECKOUT, Home
from yikatong.kernel.money import Money
from yikatong.kernel.period import Period

SEED: Final = 20_260
PEOPLE: Final = 300
COUNTY: Final = {"pengshui": "500243", "dadukou": "500104"}
PATIENCE_S: Final = 300.0
POLL_S: Final = 0.3
ANSWER_WAIT_S: Final = 6
# homes of a killed session are cleared by the next one under this prefix (tests.session_home)
PREFIX: Final = f"ykt-test-{os.getpid()}-story-"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended; `crash` is a traceback, which no command may show."""

    code: int
    out: str
    err: str
    crash: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Crashed(AssertionError):
    """A command ended in a traceback."""


@dataclass
class House:
    root: Path
    people: int = PEOPLE
    control_url: str = ""
    budget_url: str = ""
    _hand: subprocess.Popen[str] | None = None
    _populations: dict[str, SamplePopulation] = field(default_factory=dict)

    # -- commands ---------------------------------------------------------------------------------

    @property
    def environ(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("YKT_", "DJANGO_"))}
        return {
            **kept,
            "YKT_HOME": str(self.root),
            "YKT_ANSWER_WAIT_S": str(ANSWER_WAIT_S),
            "YKT_ASK_MOST_S": "1",  # the banks of the stories answer at once
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUTF8": "1",
        }

    def ykt(self, *words: str, env: dict[str, str] | None = None) -> Done:
        """One command, in an interpreter of its own."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "yikatong.cli", *words],
            cwd=self.root,
            env={**self.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return Done(
            done.returncode,
            done.stdout,
            done.stderr,
            done.stderr if "Traceback" in done.stderr else "",
        )

    def do(self, *words: str) -> Done:
        """The same command by the hand that stays."""
        answer = self._ask({"words": list(words)})
        if answer["crash"]:
            raise Crashed(f"{' '.join(words)}\n{answer['crash']}")
        return Done(**answer)

    def call(self, name: str, **facts: Any) -> Any:
        answer = self._ask({"call": name, **facts})
        if "crash" in answer:
            raise Crashed(f"{name}\n{answer['crash']}")
        return answer["value"]

    def rows(self, slug: str, query: str, *facts: Any) -> list[list[Any]]:
        """A read in one county as the worker, under the row policies."""
        found: list[list[Any]] = self.call(
            "rows", county=COUNTY[slug], query=query, facts=list(facts)
        )
        return found

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        if self._hand is None:
            self.log = (self.root / "logs" / "hand.log").open("ab")
            self._hand = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.journeys.hand"],
                cwd=CHECKOUT,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
                encoding="utf-8",
            )
        assert self._hand.stdin is not None
        assert self._hand.stdout is not None
        self._hand.stdin.write(json.dumps(order, ensure_ascii=False) + "\n")
        self._hand.stdin.flush()
        line = self._hand.stdout.readline()
        assert line, (
            f"the hand is gone: {(self.root / 'logs' / 'hand.log').read_text('utf-8')[-2000:]}"
        )
        answer: dict[str, Any] = json.loads(line)
        return answer

    # -- programs of the home ---------------------------------------------------------------------

    def settle_in(self, *slugs: str, simulators: bool = True) -> None:
        """`init` of the counties, then the bank and the budget system beside it."""
        self.call("init", slugs=slugs, people=self.people, seed=SEED)
        if simulators:
            self.start_simulators()

    def start_simulators(self) -> None:
        bank, budget = self.call("start_both", seed=SEED)
        self.control_url, self.budget_url = bank["control_url"], budget["url"]

    def start_worker(self) -> subprocess.Popen[bytes]:
        with (self.root / "logs" / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "yikatong.cli", "run"],
                cwd=CHECKOUT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def release_hand(self) -> None:
        if self._hand is not None:
            assert self._hand.stdin is not None
            assert self._hand.stdout is not None
            self._hand.stdin.close()
            self._hand.wait(timeout=30)
            self._hand.stdout.close()
            self.log.close()
            self._hand = None

    def close(self) -> None:
        self.release_hand()
        self.ykt("stop")
        shutil.rmtree(self.root, ignore_errors=True)

    # -- the bank and the budget system, from outside ---------------------------------------------

    def bank(self, what: str, **content: Any) -> Any:
        answer = httpx.post(
            f"{self.control_url}/control/{what}", json=content, timeout=20, trust_env=False
        )
        answer.raise_for_status()
        return answer.json()

    def bank_books(self) -> dict[str, Any]:
        """What the bank really did: the oracle."""
        answer = httpx.get(f"{self.control_url}/control/books", timeout=20, trust_env=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def budget(self, what: str, **content: Any) -> Any:
        answer = httpx.post(
            f"{self.budget_url}/control/{what}", json=content, timeout=20, trust_env=False
        )
        answer.raise_for_status()
        return answer.json()

    def budget_details(self, tracking: str) -> list[dict[str, Any]]:
        """B03 as the budget system keeps it: the persons of our applications of that name."""
        answer = httpx.get(f"{self.budget_url}/control/books", timeout=20, trust_env=False)
        answer.raise_for_status()
        kept: dict[str, list[dict[str, Any]]] = answer.json()["details"]
        rows = [row for some in kept.values() for row in some]
        return [row for row in rows if row["tracking_id"].startswith(tracking)]

    def ask_day_account(self, code3: str, county: str, day: date | None = None) -> Any:
        day = day or setup.today()
        answer = httpx.get(
            f"{self.control_url}/recon/{code3}/{county}/{day.isoformat()}",
            timeout=20,
            trust_env=False,
        )
        answer.raise_for_status()
        return answer.json()

    def a_night_passes(self, batch_no: str) -> None:
        """What bank and platform wrote of one share by now was written yesterday."""
        self.bank("close-day", batch_no=batch_no)
        with self.administrator() as admin:
            admin.execute("SET session_replication_role = replica")
            for table, own in (
                ("payout_paymentinstruction", "share_id = share.id"),
                ("funding_fundingmatch", "old.batch_no = share.batch_no"),
                (
                    "feedback_paymentresult",
                    "payment_id IN (SELECT id FROM payout_payment WHERE share_id = share.id)",
                ),
            ):
                admin.execute(
                    f"UPDATE {table} AS old SET at = old.at - interval '1 day'"  # type: ignore[call-overload] # noqa: S608 - our own words
                    f" FROM payout_bankshare AS share WHERE share.batch_no = %s AND {own}",
                    [batch_no],
                )

    # -- lists and batches ------------------------------------------------------------------------

    def pack(self, slug: str) -> CountyPack:
        return setup.pack_of(slug)

    def bank_name(self, slug: str, code3: str) -> str:
        return next(bank.name for bank in self.pack(slug).banks if bank.bank_no3 == code3)

    @contextmanager
    def administrator(self) -> Iterator[psycopg.Connection[Any]]:
        """The hand that no row policy binds: for breaking things on purpose."""
        server = Server(Home(self.root))
        with psycopg.connect(server.conninfo(), autocommit=True) as connection:
            yield connection

    def population(self, slug: str) -> SamplePopulation:
        if slug not in self._populations:
            self._populations[slug] = setup.sample_population(
                self.pack(slug), people=self.people, seed=SEED
            )
        return self._populations[slug]

    def listed(
        self,
        slug: str,
        period: str,
        *,
        banks: Sequence[str],
        each: int = 3,
        code: str = "P01",
        town: int = 0,
    ) -> SampleList:
        """A sound list of one township: `each` people of each of these banks."""
        population = self.population(slug)
        towns = setup.load_towns(session.PACKS, population.pack.code)
        full = disbursement_list(
            population,
            code,
            period=Period.parse(period),
            seed=SEED,
            town_code=towns[town].code,
            faults=(),
        )
        numbers = {bank.no for bank in population.pack.banks if bank.bank_no3 in banks}
        taken: dict[int, int] = {}
        lines: list[SampleLine] = []
        for line in full.lines:
            if line.payee.account is None or line.payee.account.bank_no not in numbers:
                continue
            no = line.payee.account.bank_no
            if taken.get(no, 0) < each:
                taken[no] = taken.get(no, 0) + 1
                lines.append(line)
        assert set(taken) == numbers, "the sample has nobody at one of these banks"
        return replace(full, lines=tuple(lines), expected=())

    def write(self, listed: SampleList, ending: str = "xlsx") -> Path:
        path = self.root / f"{listed.programme.code}-{listed.period}-{time.monotonic_ns()}.{ending}"
        books.write_disbursement(path, listed, filled_on=setup.today())
        return path

    def submit(self, slug: str, listed: SampleList, *, as_user: str | None = None) -> str:
        code, period = listed.programme.code, str(listed.period)
        where = ("--county", slug, "--programme", code, "--period", period)
        done = self.do(
            "submit", str(self.write(listed)), *where, *(["--as", as_user] if as_user else [])
        )
        assert done.code == 0, done.err
        return done.out.strip()

    def step(self, number: str, name: str, user: str, reason: str = "") -> Done:
        return self.do(
            "step", number, name, "--as", user, *(["--reason", reason] if reason else [])
        )

    def batch(self, number: str) -> dict[str, Any]:
        found: dict[str, Any] = self.do("batch", number, "--json").json
        return found

    def status(self, number: str) -> str:
        return str(self.batch(number)["status"])


@contextmanager
def a_house(**facts: Any) -> Iterator[House]:
    """An empty home, gone afterwards with everything that ran in it."""
    root = Path(tempfile.mkdtemp(prefix=PREFIX))
    root.chmod(0o711)  # the database server's user passes through
    (root / "logs").mkdir()
    house = House(root, **facts)
    try:
        yield house
    finally:
        house.close()


def wait_until(
    condition: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S
) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        time.sleep(POLL_S)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """End a process that this test started, by its own handle."""
    if process.poll() is None:
        process.send_signal(number)
        process.wait(timeout=60)


def spoilt(listed: SampleList, place: int, **facts: Any) -> SampleList:
    """The same list with one line changed."""
    lines = list(listed.lines)
    lines[place] = replace(lines[place], **facts)
    return replace(listed, lines=tuple(lines))


def with_wrong_amount(listed: SampleList, place: int) -> SampleList:
    """One line a yuan above standard × quantity: AM-1 blocks it."""
    return spoilt(listed, place, amount=Money(listed.lines[place].amount.fen + 100))


def with_wrong_sex(sheet: str, id_numbers: Collection[str]) -> str:
    """The CSV with a 性别 column that contradicts the numbers of these people (ID-2b)."""
    rows = list(csv.reader(io.StringIO(sheet)))
    header = next(n for n, row in enumerate(rows) if "享受人身份证号*" in row)
    column = rows[header].index("享受人身份证号*")
    for n, row in enumerate(rows[header:], header):
        if n == header:
            row.append("性别")
            continue
        number = row[column] if column < len(row) else ""
        is_male = len(number) == 18 and int(number[16]) % 2 == 1
        says_male = is_male != (number in id_numbers)
        row.append(("男" if says_male else "女") if len(number) == 18 else "")
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
