"""Their code → ours: the F class that clerks see, 中文, who fixes it, whether to try again.

Sources: interfaces of the banks for the wire codes; 银行失败字典 for the F classes. A bank's own
codes are data per bank; an unknown one is S99 with the bank's text kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Then(StrEnum):
    """What follows a code."""

    REDRAFT = "REDRAFT"  # final: a new draft points at the failed line
    TODO = "TODO"  # final, but a person decides: never an automatic redraft
    QUERY = "QUERY"  # not final: the payment stays unknown, only asking helps
    WAIT = "WAIT"  # not final: the batch waits for its money
    BY_REASON = "BY_REASON"  # 退票: as the reason that comes with it says


@dataclass(frozen=True, slots=True)
class Failure:
    """One F class as people see it."""

    code: str
    reason: str
    fixes: str
    retry: str


@dataclass(frozen=True, slots=True)
class BankReason:
    """One wire code. `failure` is the F class; empty where the line itself has not failed."""

    code: str
    reason: str
    iso: str
    failure: str
    then: Then

    @property
    def is_final(self) -> bool:
        """The payment has failed for good, and its money is residue."""
        return self.then in {Then.REDRAFT, Then.TODO}

    @property
    def redrafts(self) -> bool:
        """`settle` makes a new draft of it without asking."""
        return self.then is Then.REDRAFT

    @property
    def is_todo(self) -> bool:
        return self.then is Then.TODO


FAILURES: Final[Mapping[str, Failure]] = MappingProxyType(
    {
        one.code: one
        for one in (
            Failure("F01", "账号不存在", "镇街会同持卡人", "登记新账户并核验后"),
            Failure("F02", "户名不符", "镇街会同持卡人、银行", "更正姓名或银行登记写法后"),
            Failure("F03", "已销户", "持卡人开户，镇街变更", "登记新账户后"),
            Failure("F04", "冻结、止付或挂失", "持卡人到银行办理", "同一账户核验正常后"),
            Failure("F05", "睡眠户或社保卡金融功能未激活", "持卡人激活", "同一账户激活后"),
            Failure("F06", "Ⅱ、Ⅲ类户限额", "持卡人升级账户，或镇街变更", "升级或变更后"),
            Failure(
                "F07", "证件过期或身份核实不通过（中止账户）", "持卡人到银行办理", "同一账户恢复后"
            ),
            Failure("F08", "非本行账户或行号错误", "镇街；行号表由系统维护", "更正后"),
            Failure("F09", "金额非法", "发放单位", "更正后，且不超过原金额"),
            Failure("F10", "重复流水", "系统", "不得重发：保持未知，只查询首笔结果"),
            Failure(
                "F11",
                "银行系统异常",
                "银行、系统",
                "不得重发，保持未知、只查询；日终账确认未支付后系统另起补发",
            ),
            Failure("F12", "户名含生僻字，银行无法处理", "镇街会同银行", "登记银行预留写法后"),
            Failure("F99", "其他（见银行原文）", "发放单位", "人工处理，不自动补发"),
        )
    }
)

REASONS: Final[Mapping[str, BankReason]] = MappingProxyType(
    {
        one.code: one
        for one in (
            BankReason("A01", "账号不存在", "AC01", "F01", Then.REDRAFT),
            BankReason("A02", "已销户", "AC04", "F03", Then.REDRAFT),
            BankReason("A03", "冻结、止付或只收不付", "AC06", "F04", Then.REDRAFT),
            BankReason("A04", "户名不符", "BE01", "F02", Then.REDRAFT),
            BankReason("A05", "证件号不符", "BE05", "F02", Then.REDRAFT),
            BankReason("A06", "证件过期或身份待核", "RR04", "F07", Then.REDRAFT),
            BankReason("A07", "睡眠户或未激活", "AC06", "F05", Then.REDRAFT),
            BankReason("A08", "挂失", "AC06", "F04", Then.REDRAFT),
            BankReason("A09", "Ⅱ、Ⅲ类户限额", "AM02", "F06", Then.REDRAFT),
            BankReason("A10", "非本行或不支持", "AG01", "F08", Then.REDRAFT),
            BankReason("A11", "开户人已故", "MD07", "F99", Then.TODO),
            BankReason("A12", "户名字符无法处理", "", "F12", Then.REDRAFT),
            BankReason("T01", "重复", "AM05", "F10", Then.QUERY),
            BankReason("T02", "金额有误", "AM12", "F09", Then.REDRAFT),
            BankReason("M01", "代发户资金不足或未到账", "AM04", "", Then.WAIT),
            BankReason("S01", "系统异常", "TECH", "F11", Then.QUERY),
            BankReason("S99", "未知原因", "MS03", "F99", Then.TODO),
            BankReason("R01", "退票", "FOCR", "", Then.BY_REASON),
        )
    }
)

UNKNOWN: Final = REASONS["S99"]

BANK_CODES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "CCB": MappingProxyType({"0130Z0100005": "A04", "0130Z1101007": "A03"}),
        "GDB": MappingProxyType({"201": "A01", "202": "A02", "203": "A03"}),
        "PAB": MappingProxyType({"YQ9982": "A04"}),
    }
)
"""A bank's own row codes by its letters, from public error tables; a profile may add more."""

FILE_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E-NAME": "文件名或首行不正确",
        "E-FLAG": "文件尚未传完",
        "E-SIZE": "文件大小仍在变化",
        "E-SIGN": "签名不正确",
        "E-DECRYPT": "无法解密",
        "E-ENCODING": "文字编码不正确",
        "E-TRAILER": "没有结束行",
        "E-SM3": "摘要不一致",
        "E-COUNT": "笔数不一致",
        "E-SUM": "金额合计不一致",
        "E-DUP-CONTENT": "同一键值内容不同",
        "E-DUP-DETAIL": "明细编号已在其他批次中",
        "E-ROW": "明细格式不正确",
        "E-BANK": "银行拒收",
        "E-CANCELLED": "批次已撤销",
        "E-UNKNOWN": "没有这个批次或明细",
        "E-FUNDS": "资金与指令不相等",
        "E-STATE": "批次当前状态不能这样办理",
        "E-CUTOFF": "已过当日截止时间",
    }
)
"""Codes in a Receipt that refuses a whole file or instruction."""

NOT_A_REFUSAL: Final = frozenset({"E-DUP-CONTENT", "E-FLAG", "E-SIZE"})
"""These leave the share as it is: the first content stands, and a person looks."""

TRY_LATER: Final = frozenset({"E-CUTOFF"})
"""The bank has not taken the message and will take the very same one later."""


def reason_of(code: str) -> BankReason:
    """Our reason behind a wire code; anything unknown is S99, never dropped."""
    return REASONS.get(code, UNKNOWN)


def translated(
    bank: str, bank_code: str, own: Mapping[str, Mapping[str, str]] = BANK_CODES
) -> BankReason:
    """The reason behind a bank's own code (`own`: bank → its code → ours)."""
    return reason_of(own.get(bank, {}).get(bank_code, bank_code))


def failure_of(code: str) -> Failure:
    """The F class of a wire code. Codes under which no line has failed give F99."""
    return FAILURES[reason_of(code).failure or "F99"]
