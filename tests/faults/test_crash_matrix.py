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
from yikatong.cli.faults.table import culprit
from yikatong.cli.generated_faults import faults
from yikatong.kernel import points
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

SEED = "20261122"
# many times what a quiet machine takes: a drill that hangs is said, it does not hang the tests
SHORT_S, LONG_S = 420, 5400


def drilled(tmp_path: Path, *words: str, limit_s: int) -> tuple[int, dict[str, Any], str]:
    words = ("yikatong.cli", "faults", *words, "--seed", SEED, "--json")
    code, out, err = ended([sys.executable, "-P", "-m", *words], tmp_path, limit_s=limit_s)
    return code, json.loads(out or "{}"), err


def ended(command: list[str], home: Path, *, limit_s: int) -> tuple[int, str, str]:
    """Run to the end, or be told to stop, which ends all that it has started, and fail in words."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("YKT_", "DJANGO_"))}
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**environ, "YKT_HOME": str(home), "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as drill:
        try:
            out, err = drill.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            drill.terminate()
            _, err = drill.communicate()
            pytest.fail(f"演练超过 {limit_s} 秒没有结束，种子 {SEED}。最后的话：\n{err[-2000:]}")
    return drill.returncode, out, err


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
    assert set(told["ways"]) == {"web", "worker", "backend", "server"}
    assert code == 0, err


def test_nobody_is_paid_twice_and_nothing_is_lost(tmp_path: Path) -> None:
    code, told, err = drilled(tmp_path, "--kills", "24", "--payments", "32", limit_s=SHORT_S)
    sound(code, told, err, least=1, kills=24)
    assert told["payments"] >= 32
    assert not (tmp_path / "faults").exists(), "a run that holds leaves nothing behind"


@pytest.mark.long
def test_a_thousand_kills_over_ten_thousand_payments(tmp_path: Path) -> None:
    code, told, err = drilled(tmp_path, "--kills", "1000", "--payments", "10000", limit_s=LONG_S)
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
    command = [sys.executable, "-P", "-c", script, str(tmp_path / "faults"), SEED]
    code, out, err = ended(command, tmp_path, limit_s=LONG_S)
    assert code == 0, err
    told = json.loads(out)
    assert told["wrong"] == []
    assert told["table"] == matrix.endings(), "docs/generated/faults.md says otherwise"
    assert len(told["kills"]) == len(matrix.PLACES) * len(matrix.WAYS)
    assert min(told["kills"].values()) >= 1, told["kills"]


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ([], None),
        (["ABC9"], None),
        (["ABC1", "ABC1"], "wrong_sum"),
        (["ABC2", "ABC1"], "other_batch_row"),
        (["ABC1", "ABC3"], "reused_batch_no"),
        (["ABC9", "ABC3"], "reused_batch_no"),
        (["ABC2", "ABC3"], "other_batch_row"),
    ],
)
def test_what_is_set_aside_is_laid_at_the_door_of_its_fault(
    numbers: list[str], kind: str | None
) -> None:
    of = {"ABC1": "wrong_sum", "ABC2": "other_batch_row", "ABC3": "reused_batch_no"}
    assert culprit(numbers, of) == kind


def test_the_page_shows_every_fault_at_every_place() -> None:
    rows = [line for line in faults().splitlines() if line.startswith("| `")]
    shown = {line.split("`")[1]: line.split(" | ")[2:] for line in rows}
    for kind, endings in matrix.endings().items():
        cells = [cell.strip(" |") for cell in shown[kind]]
        for word, ending in (("挂账", matrix.SET_ASIDE), ("退汇", matrix.CAME_BACK)):
            assert [word in cell for cell in cells] == [
                how == ending for how in endings.values()
            ], kind


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
        if "faults" not in file.relative_to(CHECKOUT).parts and file.name != "points.py"
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
