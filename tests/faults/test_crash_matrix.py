"""The crash matrix in its short form (trust.md §4), the points themselves, and the judgement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.cli.faults import matrix
from yikatong.cli.faults.oracle import Judgement, judged
from yikatong.kernel import points
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

SEED = "20261122"


def drilled(tmp_path: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("YKT_", "DJANGO_"))}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "yikatong.cli", "faults", *words, "--seed", SEED, "--json"],
        cwd=CHECKOUT,
        env={**environ, "YKT_HOME": str(tmp_path), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def sound(code: int, told: dict[str, Any], err: str, *, least: int, kills: int) -> None:
    assert told, err
    assert told["double_payments"] == 0, told
    assert (told["lost"], told["difference_fen"]) == (0, 0), told
    assert told["is_drained"], told["unfinished"]
    assert told["breaches"] == 0, told["breached"]
    assert told["naive_mutant_caught"] is True
    assert told["naive_double_payments"] > 0
    assert told["kills"] >= kills
    assert set(told["points"]) == set(points.POINTS)
    assert min(told["points"].values()) >= least, told["points"]
    assert code == 0, err


@pytest.mark.long  # minutes of real kills: not yet quick enough for the short form
def test_nobody_is_paid_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    code, told, err = drilled(tmp_path, "--kills", "25", "--payments", "120")
    sound(code, told, err, least=1, kills=25)
    assert not (tmp_path / "faults").exists(), "a run that holds leaves nothing behind"


@pytest.mark.long
def test_a_thousand_kills_over_ten_thousand_payments(tmp_path: Path) -> None:
    code, told, err = drilled(tmp_path, "--kills", "1000", "--payments", "10000")
    sound(code, told, err, least=30, kills=1000)
    assert told["payments"] >= 10_000


@pytest.mark.long
def test_every_fault_at_every_place_of_a_kill(tmp_path: Path) -> None:
    """In a process of its own: players are forked, and a test's process has threads."""
    script = (
        "import json, sys; from pathlib import Path;"
        "from yikatong.cli.faults import table; from yikatong.cli.faults.stage import Stage;"
        "from yikatong.kernel.home import Home;"
        "stage = Stage(Home(Path(sys.argv[1])));"
        "told = table.run(stage, seed=int(sys.argv[2])); stage.close();"
        "print(json.dumps(told, ensure_ascii=False))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(tmp_path / "faults"), SEED],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert len(told["kills"]) == len(matrix.PLACES) * len(matrix.WAYS)
    assert min(told["kills"].values()) >= 1, told["kills"]
    assert min(told["hits"].values()) >= 1, told["hits"]
    assert told["set_aside"]["银行报文待核"] >= 1
    assert told["set_aside"]["银行结果与账不符"] >= 1


def test_a_point_is_nothing_where_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(points.VARIABLE, raising=False)
    points.point("mid-apply")


@pytest.mark.parametrize("sign", points.PRODUCTION)
def test_production_refuses_armed_points(sign: str) -> None:
    armed = {points.VARIABLE: "7", sign: "1"}
    with pytest.raises(Refused, match="正式环境"):
        points.refuse_in_production(armed)
    points.refuse_in_production({sign: "1"})
    points.refuse_in_production({points.VARIABLE: "7"})
    points.refuse_in_production({points.VARIABLE: "7", sign: "0"})


def test_a_production_process_does_not_even_start() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import config.settings"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), points.VARIABLE: "7", "YKT_HTTPS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "正式环境不得设置" in done.stderr


def test_every_point_stands_in_the_product_once() -> None:
    texts = [
        file.read_text("utf-8")
        for file in (CHECKOUT / "yikatong").rglob("*.py")
        if "faults" not in file.parts and file.name != "points.py"
    ]
    for name in points.POINTS:
        assert sum(text.count(f'point("{name}")') for text in texts) == 1, name


amounts = st.lists(st.integers(1, 5), max_size=6)
books = st.dictionaries(st.sampled_from("甲乙丙"), amounts)


@given(books)
def test_equal_books_are_sound(paid: dict[str, list[int]]) -> None:
    total = sum(sum(one) for one in paid.values())
    assert judged(paid, paid, total) == Judgement(0, 0, 0)


@given(books, st.sampled_from("甲乙丙"), st.integers(1, 5))
def test_one_payment_more_or_less_is_seen(paid: dict[str, list[int]], who: str, fen: int) -> None:
    total = sum(sum(one) for one in paid.values())
    more = {**paid, who: [*paid.get(who, []), fen]}
    assert judged(paid, more, total) == Judgement(1, 0, fen)
    assert judged(more, paid, total + fen) == Judgement(0, 1, fen)


def test_our_own_sums_are_blind_to_a_swap_and_the_accounts_are_not() -> None:
    assert judged({"甲": [5], "乙": [5]}, {"甲": [5, 5]}, 10) == Judgement(1, 1, 0)
