"""File names of the wire: who says what about which share, and which part of it this is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from yikatong.connectors.bank.messages import BATCH_NO, Msg
from yikatong.connectors.bank.refusals import BadName

US: Final = "YKT"
SIGNATURE: Final = ".sig"
FLAG: Final = ".ok"
UNFINISHED: Final = ".tmp"
API: Final = "json"
CHINA: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
WRITTEN: Final = re.compile(
    r"(?P<sender>[0-9A-Z]{3})_(?P<msg>[A-Z]{2,3})_(?P<county>\d{6})_(?P<day>\d{8})"
    r"_(?P<batch_no>[0-9A-Z]{23})_(?P<part>\d{3})of(?P<parts>\d{3})\.(?P<ending>txt|xml|json)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PartName:
    """`{SENDER}_{MSG}_{区划}_{yyyyMMdd}_{batch_no}_{part:03}of{n:03}.txt`; the day it was made.

    `ending` is that of the layout: `txt` and `xml` are files, `json` came over the API, where the
    name is ours and only the inbox and the outbox know it.
    """

    sender: str
    msg: Msg
    county: str
    day: date
    batch_no: str
    part: int
    parts: int
    ending: str = "txt"

    @classmethod
    def parse(cls, name: str) -> PartName:
        """Raises BadName for anything that this class would not write itself."""
        match = WRITTEN.fullmatch(name)
        if match is None:
            raise BadName("（名称无法识别）", "文件名不符合约定的格式。")
        try:
            day = date.fromisoformat(match["day"])
            msg = Msg(match["msg"])
        except ValueError:
            raise BadName(name, "文件名中的日期或报文代码不正确。") from None
        batch_no = match["batch_no"]
        numbered = BATCH_NO.fullmatch(batch_no)
        if numbered is None or numbered[2] != match["county"]:
            raise BadName(name, "文件名中的区划与批次号不一致。")
        part, parts = int(match["part"]), int(match["parts"])
        if not 1 <= part <= parts:
            raise BadName(name, "文件名中的分包序号不正确。")
        return cls(
            match["sender"], msg, match["county"], day, batch_no, part, parts, match["ending"]
        )

    @property
    def key(self) -> str:
        """The idempotency key `<message>:<batch_no>:<part>`, fixed before the first try."""
        return f"{self.msg}:{self.batch_no}:{self.part}"

    @property
    def is_file(self) -> bool:
        return self.ending != API

    @property
    def made_at(self) -> datetime:
        """The start of the day that the name tells, where the content tells no instant."""
        return datetime.combine(self.day, time(), CHINA)

    def __str__(self) -> str:
        return (
            f"{self.sender}_{self.msg}_{self.county}_{self.day:%Y%m%d}_{self.batch_no}"
            f"_{self.part:03}of{self.parts:03}.{self.ending}"
        )
