"""Why a file of the wire is not taken: one type per check, its code, a sentence for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from yikatong.kernel.errors import Refused, TryAgain


class Unreachable(TryAgain):
    """The bank's SFTP could not be reached, or the line broke: what arrived there is unknown.

    The same bytes are sent again under the same names; nothing is ever renewed.
    """


class FileRefused(Refused):
    """A received file breaks the protocol; it belongs into `bad`, and into quarantine."""

    code: ClassVar[str] = "E-FILE"

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"银行文件 {name}：{what}")
        self.name = name


class BadName(FileRefused):
    code = "E-NAME"


class NotComplete(FileRefused):
    """No `.ok` yet: not an error of the sender, only not received."""

    code = "E-FLAG"


class SizeUnstable(FileRefused):
    code = "E-SIZE"


class BadSignature(FileRefused):
    code = "E-SIGN"


class CannotOpen(FileRefused):
    code = "E-DECRYPT"


class BadText(FileRefused):
    code = "E-ENCODING"


class NoTrailer(FileRefused):
    code = "E-TRAILER"


class BadDigest(FileRefused):
    code = "E-SM3"


class BadCount(FileRefused):
    code = "E-COUNT"


class BadSum(FileRefused):
    code = "E-SUM"


class ContentChanged(FileRefused):
    """A known key with other content: refused for ever, an incident for a person."""

    code = "E-DUP-CONTENT"


class BadRow(FileRefused):
    code = "E-ROW"


@dataclass(frozen=True, slots=True)
class Problem:
    """One value that cannot be written: its row (from 1), the field, and why in Chinese."""

    row: int
    field: str
    reason: str


class Unwritable(Refused):
    """Values that the target encoding or the field's length cannot hold, all of them listed."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = "；".join(f"第{p.row}行 {p.field} {p.reason}" for p in problems[:5])
        super().__init__(
            f"有{len(problems)}处内容无法写入银行文件：{first}。请先在账户信息中登记银行预留的写法。"
        )
        self.problems = problems
