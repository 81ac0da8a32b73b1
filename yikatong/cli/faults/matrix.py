"""Every bank fault × every place of a kill: what is armed, where we are killed, how it must end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BOOKED: Final = "各笔入账一次"
SET_ASIDE: Final = "各笔入账一次，多出的或矛盾的挂账待人处理"
CAME_BACK: Final = "各笔入账一次，退汇的一笔记为退汇，另起更正草稿"

# before, inside and after the application of what the bank said
PLACES: Final[Mapping[str, str]] = {
    "inbox-committed": "入账前",
    "mid-apply": "入账中",
    "applied": "入账后",
}
WAYS: Final[Mapping[str, str]] = {
    "process": "结束进程（kill -9，后台办理或网页）",
    "backend": "结束数据库会话",
    "server": "数据库立即停机",
}

# kind of the simulator → (what happens, how it ends)
ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "timeout_after_accept": ("银行已收下，线路在答复前断开", BOOKED),
    "timeout_before_accept": ("银行还没有收下，线路断开", BOOKED),
    "server_error": ("接口答 503", BOOKED),
    "ack_lost": ("回执没有送到", BOOKED),
    "cut_mid_body": ("接口的答复中途断开", BOOKED),
    "clock_skew": ("银行的时钟偏出五分钟，接口答复的时间不可信", BOOKED),
    "result_duplicate": ("同一结果文件再来一次", BOOKED),
    "result_other_file": ("同样的结果行装在另一个文件里", BOOKED),
    "partial_file_then_rest": ("结果文件先到一半，随后到齐", BOOKED),
    "rows_out_of_order": ("结果行次序颠倒", BOOKED),
    "results_out_of_order": ("两个结果文件，后一个先到", BOOKED),
    "unknown_then_success": ("先报处理中，后报成功", BOOKED),
    "stranger_row": ("结果里有我方不认识的明细", SET_ASIDE),
    "other_batch_row": ("结果里有别的批次的明细", SET_ASIDE),
    "wrong_count": ("结果文件笔数不符，随后来对的", SET_ASIDE),
    "wrong_sum": ("结果文件金额不符，随后来对的", SET_ASIDE),
    "no_trailer": ("结果文件没有结尾，随后来对的", SET_ASIDE),
    "cut_mid_character": ("结果文件断在一个汉字中间，随后来对的", SET_ASIDE),
    "bad_signature": ("结果文件签名不对，随后来对的", SET_ASIDE),
    "amount_off_by_one": ("一笔成功多报一分，随后来对的", SET_ASIDE),
    "failure_after_success": ("报成功之后又报失败", SET_ASIDE),
    "reused_batch_no": ("结果用了旧批次的号", SET_ASIDE),
    "returned": ("一笔成功之后退汇", CAME_BACK),
}

# these meet the line itself, before a batch is named
OF_THE_LINE: Final = frozenset(
    {
        "timeout_after_accept", "timeout_before_accept", "server_error", "cut_mid_body",
        "clock_skew", "ack_lost",
    }
)  # fmt: skip
# these are an API's own; all others are shown at a bank that speaks in files
OF_THE_API: Final = frozenset({"server_error", "cut_mid_body", "clock_skew"})


def ending(kind: str, place: str) -> str:
    """How a list with that fault must end where we are killed at that place, by whichever way."""
    return ENDINGS[kind][1] if place in PLACES else ""


def endings() -> dict[str, dict[str, str]]:
    """Fault → place → ending: the table that the drill proves."""
    return {kind: {place: ending(kind, place) for place in PLACES} for kind in ENDINGS}
