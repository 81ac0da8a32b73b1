"""docs/generated/faults.md: where we are killed, what the banks do wrong, and how each must end."""

from __future__ import annotations

from typing import Final

from yikatong.cli.faults.matrix import ENDINGS, PLACES, WAYS
from yikatong.cli.generated import table
from yikatong.kernel.points import POINTS

HEAD: Final = (
    "# 断点与银行故障\n\n"
    "本页由 `./ykt docs` 生成。演练命令：`./ykt faults --kills 1000 --payments 10000`。"
    "以模拟银行自己的账为准：排空、对账之后，重复支付 0 笔、丢失 0 笔、差额 0 分，"
    "不变量视图全部为空；一个每次重发都换新号的错误发送程序必须被同一演练查出。\n\n"
)


def faults() -> str:
    """断点、中断方式、银行故障的结局, from the registers that the drill itself runs by."""
    places = "、".join(f"{word}（`{name}`）" for name, word in PLACES.items())
    ways = "、".join(WAYS.values())
    return (
        HEAD
        + "## 断点\n\n每个断点：千次中断的演练里至少 30 次，短演练里至少 1 次。\n\n"
        + table(("断点", "中断时的情形"), [(f"`{name}`", what) for name, what in POINTS.items()])
        + f"\n中断方式：{ways}。\n\n"
        + "## 银行故障\n\n"
        + f"每种故障都在以下各处中断：{places}。\n\n"
        + table(
            ("故障", "情形", "排空之后"),
            [(f"`{kind}`", what, ending) for kind, (what, ending) in ENDINGS.items()],
        )
    )
