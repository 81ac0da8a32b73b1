"""`./ykt faults`: build a stage, play, drain, judge; 0 only where everything holds."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from yikatong.cli import proof, session
from yikatong.cli.faults import cast, naive, oracle
from yikatong.cli.faults.cast import Sheet
from yikatong.cli.faults.play import Play, carried
from yikatong.cli.faults.stage import Stage, enter
from yikatong.kernel.points import POINTS

LISTS_PER_KILL: Final = 0.1  # ten kills a list; a list has at least so many lines
LEAST_LINES, MOST_LINES = 8, 120
SEEDS: Final = 1_000_000


def run(*, kills: int, payments: int, seed: int, as_json: bool) -> int:
    """0 where nothing was paid twice, lost or different, every point was hit, and the mutant was
    caught; 1 otherwise, with the seed and the home kept for a look.
    """
    started = time.monotonic()
    stage = Stage(enter())
    is_sound = False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = seed or secrets.randbelow(SEEDS) + 1
    try:
        told = _played(stage, kills=kills, payments=payments, seed=seed)
        told["seconds"] = round(time.monotonic() - started, 1)
        is_sound = bool(told.pop("is_sound"))
    finally:
        if is_sound:
            stage.close()
        else:
            stage.stop()
            session.say(f"没有通过。种子 {seed}；现场留在 {stage.home.root}。")
    if as_json:
        session.show_json(told)
    else:
        _show(told)
    return 0 if is_sound else 1


def _played(stage: Stage, *, kills: int, payments: int, seed: int) -> dict[str, Any]:
    people = cast.people_for(payments)
    size = min(MOST_LINES, max(LEAST_LINES, round(payments / max(kills * LISTS_PER_KILL, 1))))
    session.say(f"种子 {seed}：{people} 名样例人员，{payments} 笔，{kills} 次中断……")
    stage.build(people=people, seed=seed)
    writing = partial(cast.write_lists, stage.home.root / "lists", people=people, seed=seed)
    written = stage.ask(partial(writing, payments=payments, size=size))
    sheets = [
        Sheet(Path(path), code, period, lines, tuple(failing))
        for path, code, period, lines, failing in written
    ]
    play, is_whole = carried(stage, sheets, kills=kills, seed=seed)
    held = stage.ask(oracle.ours)
    books = stage.bank("GET", "/control/books")
    found = oracle.judged(held["paid"], oracle.theirs(books), held["ledger_fen"])
    proved = stage.ask(proof.prove)
    mutant = naive.caught(stage)
    return _facts(
        play,
        is_whole=is_whole,
        held=held,
        found=found,
        proved=proved,
        mutant=mutant,
        seed=seed,
        payments=payments,
    )


def _facts(
    play: Play,
    *,
    is_whole: bool,
    held: dict[str, Any],
    found: oracle.Judgement,
    proved: dict[str, Any],
    mutant: oracle.Judgement,
    seed: int,
    payments: int,
) -> dict[str, Any]:
    """The shape of `faults --json`."""
    difference = max(found.difference_fen, abs(held["intents_fen"] - held["final_fen"]))
    lost = found.lost + held["open"]
    is_sound = (
        is_whole
        and found.double == 0
        and lost == 0
        and difference == 0
        and proved["breaches"] == 0
        and mutant.double > 0
        and play.is_killed_enough
        and held["payments"] >= payments
    )
    return {
        "payments": held["payments"],
        "paid": held["ledger_lines"],
        "kills": play.tally.kills,
        "points": {name: play.tally.points[name] for name in POINTS},
        "double_payments": found.double,
        "lost": lost,
        "difference_fen": difference,
        "naive_mutant_caught": mutant.double > 0,
        "naive_double_payments": mutant.double,
        "ways": dict(play.tally.ways),
        "batches": len(play.sheets),
        "unfinished": play.unfinished(),
        "is_drained": is_whole,
        "breaches": proved["breaches"],
        "breached": proved["breached"],
        "short_of": play.missing,
        "seed": seed,
        "is_sound": is_sound,
    }


def _show(told: dict[str, Any]) -> None:
    out = sys.stdout.write
    out(f"{told['payments']} 笔，{told['kills']} 次中断，{told['seconds']} 秒")
    out(f"，种子 {told['seed']}\n")
    for name, hits in told["points"].items():
        out(f"  {hits:>5}  {name:<22}{POINTS[name]}\n")
    out(
        f"重复支付 {told['double_payments']} 笔，丢失 {told['lost']} 笔，"
        f"差额 {told['difference_fen']} 分，不变量不符 {told['breaches']} 处\n"
        f"对照用的错误发送程序多付 {told['naive_double_payments']} 笔，"
        f"{'已查出' if told['naive_mutant_caught'] else '没有查出'}\n"
    )
