"""docs/generated/faults.md: where we are killed, what the banks do wrong, and how each must end."""

from __future__ import annotations

from typing import Final

from yikatong.cli.faults.matrix import BOOKED, CAME_BACK, ENDINGS, PLACES, SET_ASIDE, WAYS, endings
from yikatong.cli.generated import table
from yikatong.kernel.points import POINTS

HEAD: Final = (
    "# 断点与银行故障\n\n"
    "本页由 `./ykt docs` 生成。演练命令：`./ykt faults --kills 1000 --payments 10000`。"
    "以模拟银行自己的账为准：排空、对账之后，重复支付 0 笔、丢失 0 笔、差额 0 分，"
    "不变量视图全部为空；一个每次重发都换新号的错误发送程序必须被同一演练查出。\n\n"
)


SHORT: Final = {BOOKED: "一次", SET_ASIDE: "一次＋挂账", CAME_BACK: "一次＋退汇"}


def faults() -> str:
    """断点、中断方式、银行故障的结局, from the registers that the drill itself runs by."""
    ways = "、".join(WAYS.values())
    return (
        HEAD
        + "## 断点\n\n每个断点：千次中断的演练里至少 30 次，短演练里至少 1 次。\n\n"
        + table(("断点", "中断时的情形"), [(f"`{name}`", what) for name, what in POINTS.items()])
        + f"\n中断方式：{ways}。\n\n"
        + "## 银行故障\n\n"
        "每种故障 × 每个中断处 × 每种中断方式各演练一遍，排空、对账之后逐格比对结局，"
        "与本表不符即不通过（`./ykt test --long`）。\n\n"
        f"- 一次：{BOOKED}，没有挂账。\n- 一次＋挂账：{SET_ASIDE}。\n"
        f"- 一次＋退汇：{CAME_BACK}。\n\n"
        + table(
            ("故障", "情形", *(f"{word} `{name}`" for name, word in PLACES.items())),
            [
                (f"`{kind}`", what, *(SHORT[how] for how in endings()[kind].values()))
                for kind, (what, _) in ENDINGS.items()
            ],
        )
    )
