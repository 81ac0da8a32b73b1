"""Named points at which a test may kill us (trust.md §4): a no-op unless a driver holds the wire.

The driver puts the number of an open socket into `YKT_CRASH_POINTS`. A point then says its name
and waits: the driver kills the process, its database session or the whole server, or lets it go
on. Production refuses to start with the variable set.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Final

from yikatong.kernel.errors import Refused

VARIABLE: Final = "YKT_CRASH_POINTS"
# what only a production home has: a database of its own elsewhere, or HTTPS in front
PRODUCTION: Final = ("YKT_DATABASE_URL", "YKT_HTTPS")
ANSWER: Final = b"."
# the worker's lanes share the wire: one names its point and waits, then the next
_ONE_AT_A_TIME: Final = threading.Lock()

POINTS: Final[Mapping[str, str]] = {
    "upload-stored": "上传的文件已写入，名单还没有入库",
    "mid-copy": "名单已进临时表，明细表还没有",
    "checked-before-split": "逐行结论已有，未通过的还没有另起草稿",
    "approved": "审核提交已记录，还没有提交事务",
    "intent-committed": "代发明细已生成并提交，报文还没有生成",
    "bank-has-it": "银行已收下报文，我方还没有记“已送达”",
    "reply-read": "已记“已送达”，还没有提交事务",
    "receipt-recorded": "回执已入账，还没有提交事务",
    "instruction-made": "代发指令已生成，还没有提交事务",
    "result-fetched": "文件已从银行取回，还没有存进收件箱",
    "inbox-committed": "文件已存进收件箱，银行那边还没有归档",
    "mid-apply": "结果已写入，份额状态还没有改",
    "applied": "报文已应用并提交，任务还没有记“完成”",
    "reissue-half-made": "补发批次已建，明细还没有抄过去",
    "mid-reconcile": "对账单已记，差异和回执还没有写",
    "mid-sweep": "中断的任务已重新排队，还没有提交事务",
}


def point(name: str) -> None:
    """Nothing happens here, unless a crash test is listening."""
    if VARIABLE in os.environ:
        _tell(name)


def refuse_in_production(environ: Mapping[str, str]) -> None:
    """Raises Refused where a production home is to be started with crash points armed."""
    if VARIABLE in environ and any(environ.get(name, "0") not in ("", "0") for name in PRODUCTION):
        raise Refused(f"正式环境不得设置 {VARIABLE}（断点演练专用），请去掉后再启动。")


def _tell(name: str) -> None:
    refuse_in_production(os.environ)
    wire = int(os.environ[VARIABLE])
    with _ONE_AT_A_TIME:
        os.write(wire, f"{name}\n".encode("ascii"))
        if os.read(wire, 1) != ANSWER:
            os._exit(1)  # the driver is gone: nothing may go on that it does not see
