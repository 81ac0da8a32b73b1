"""Looks into an .xlsx before any reader opens it: trust.md §6. Sizes are counted while reading,
because what a zip says of itself is written by whoever made it.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets_unread import FORMULA_ENDS, Told, Unread, told

MIB: Final = 1 << 20
AGAIN: Final = "请用 Excel 或 WPS 另存为 .xlsx 后重新上传。"
# what a workbook may hold that is read outside the child
SMALL_INSIDE: Final = 12 << 20
_STEP: Final = 1 << 18
_LONGEST_TAG: Final = 1 << 16
_SMALL_ENTRY: Final = MIB
_FORBIDDEN_XML: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_EXTERNAL_LINK: Final = re.compile(rb"relationships/externalLink(?:Path)?\b", re.IGNORECASE)
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_NESTED: Final = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\xd0\xcf\x11\xe0", b"MZ")
_NESTED_NAMES: Final = (".zip", ".rar", ".7z", ".gz", ".exe", ".xlsx", ".xlsm", ".xls", ".doc")
_SHORT: Final = 256
# a cell that is not `<c r="AB12" …>` and nothing else may stand anywhere: two places, a > in quotes
_ODD_CELL: Final = re.compile(
    rb'<c(?![A-Za-z]| r="[A-Z]{1,2}[0-9]{1,5}"(?: (?!r=)[a-z]{1,3}="[A-Za-z0-9]*")* ?/?>)'
    rb"|<[^\s<>/]*:c[\s/>]|<!"
)
_SHEET_TAG: Final = b"sheetData"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost: bytes as stored and inflated, rows, columns, zip entries, the ratio of
    inflated to stored bytes, sheets; for the child that reads it: bytes of memory, seconds of CPU.
    """

    file_bytes: int
    inflated_bytes: int
    rows: int
    columns: int = 100
    entries: int = 100
    ratio: int = 100
    sheets: int = 20
    cell_characters: int = 32_767
    memory_bytes: int = 256 * MIB
    seconds: int = 60


WEB: Final = Limits(20 * MIB, 50 * MIB, 50_000)
# a full sheet of fourteen columns takes its reader a little less than 1.5 GiB
BULK: Final = Limits(
    200 * MIB, 1536 * MIB, 1_048_575, memory_bytes=1664 * MIB, seconds=600
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Package:
    """What a package that may be opened is like: the bytes it inflates to, and whether every cell
    of its sheets plainly names its place: one that does not may stand anywhere. `errors` and
    `unsolved` are the cells with an error (#N/A) or a formula without result: they read as blanks.
    `hidden` are the hidden rows of each sheet by its name: a reader gives them like any other.
    """

    inflated: int
    every_cell_placed: bool
    errors: Told
    unsolved: Told
    hidden: Mapping[str, Sequence[int]]


def check_package(source: Path | bytes, limits: Limits) -> Package:
    """Read every part of the package, a file or its bytes, once, keeping nothing.

    Raises:
        Refused: damaged, locked, too large, or holding what no list needs.
    """
    inflated, is_placed = 0, True
    unread: dict[str, Unread] = {}
    try:
        with zipfile.ZipFile(
            io.BytesIO(source) if isinstance(source, bytes) else source
        ) as package:
            entries = package.infolist()
            _check_names([entry.filename for entry in entries], limits)
            for entry in entries:
                if entry.flag_bits & 1:
                    raise Refused(f"文件有密码，无法读取。请去掉密码。{AGAIN}")
                part = _Part(entry, limits)
                inflated += part.read(package, limits.inflated_bytes - inflated)
                is_placed = is_placed and part.every_cell_placed
                if part.unread:
                    unread[entry.filename] = part.unread
            errors, unsolved, hidden = told(package, unread)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise Refused(f"文件已损坏，无法打开（{type(error).__name__}）。{AGAIN}") from None
    except zlib.error:
        raise Refused(f"文件已损坏，无法解压。{AGAIN}") from None
    return Package(inflated, is_placed, errors, unsolved, hidden)


def _check_names(names: list[str], limits: Limits) -> None:
    if len(names) > limits.entries:
        raise Refused(f"文件内部有 {len(names)} 个部件，超过 {limits.entries} 个。{AGAIN}")
    lower = [name.lower() for name in names]
    if len(set(lower)) != len(lower):
        raise Refused(f"文件内部有重名部件，不安全。{AGAIN}")
    if any(_leads_outside(name) for name in names):
        raise Refused(f"文件内部有指向外部目录的部件，不安全，不接收。{AGAIN}")
    if "xl/workbook.xml" not in lower:
        raise Refused("这个压缩包不是 .xlsx 工作簿。只接收 .xlsx、.xls、.csv。")
    if any("vbaproject" in name or "macrosheets/" in name for name in lower):
        raise Refused(f"工作簿里有宏，不接收。{AGAIN}")
    if any("externallinks/" in name for name in lower):
        raise Refused(EXTERNAL)
    if any(name.endswith(_NESTED_NAMES) or "embeddings/" in name for name in lower):
        raise Refused(f"工作簿里嵌有其他文件，不接收。请删去嵌入的对象。{AGAIN}")


EXTERNAL: Final = "工作簿引用了其他文件（外部链接），不接收。请把数据粘贴为数值后重新上传。"


def _leads_outside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return ".." in parts or name.startswith(("/", "\\")) or ":" in name or "\0" in name


class _Part:
    """One entry of the package, read through to its end in small blocks."""

    def __init__(self, entry: zipfile.ZipInfo, limits: Limits) -> None:
        name = entry.filename.lower()
        self._entry, self._limits = entry, limits
        self._is_xml = name.endswith((".xml", ".rels", ".vml"))
        self._is_links = name.endswith(".rels")
        is_sheet = self._is_xml and "worksheets/" in name
        self._outside = Outside(limits) if is_sheet else None
        self.every_cell_placed = True
        self._seen = 0
        self.unread = Unread()

    def read(self, package: zipfile.ZipFile, left: int) -> int:
        """The bytes that it really holds, at most `left`."""
        size, carried, ending = 0, b"", b""
        with package.open(self._entry) as stream:
            while block := stream.read(_STEP):
                if size == 0:
                    self._check_start(block)
                size += len(block)
                self._check_size(size, left)
                if self._outside is None and self.every_cell_placed:
                    # a sheet may be where no program puts one: its cells are not looked at here
                    self.every_cell_placed = _SHEET_TAG not in ending + block
                    ending = block[-len(_SHEET_TAG) :]
                if self._is_xml:
                    carried = self._scan(carried + block)
        return size

    def _check_start(self, block: bytes) -> None:
        if self._is_xml and block.startswith(_UTF16_MARKS):
            raise Refused(f"工作簿内部编码异常，不安全。{AGAIN}")
        if block.startswith(_NESTED):
            raise Refused(f"工作簿里嵌有其他文件，不接收。请删去嵌入的对象。{AGAIN}")

    def _check_size(self, size: int, left: int) -> None:
        if size > left:
            most = self._limits.inflated_bytes // MIB
            raise Refused(f"文件解压后超过 {most} MB。请拆成几个文件，或用命令行导入。")
        if size > _SMALL_ENTRY and size > self._limits.ratio * max(self._entry.compress_size, 1):
            raise Refused(f"文件压缩比异常，疑似压缩炸弹，不接收。{AGAIN}")

    def _scan(self, text: bytes) -> bytes:
        """Look for what is forbidden; gives back the unfinished tag, to be read with the next."""
        if b"<!" in text and _FORBIDDEN_XML.search(text):
            raise Refused(f"工作簿内部含有 DTD 或实体定义，不安全，不接收。{AGAIN}")
        if self._is_links and _EXTERNAL_LINK.search(text):
            raise Refused(EXTERNAL)
        start = text.rfind(b"<")
        if start < 0 or text.find(b">", start) >= 0:
            start = len(text)
        elif len(text) - start > _LONGEST_TAG:
            raise Refused(f"工作簿内部结构异常，不安全。{AGAIN}")
        if self._outside is not None:
            # of a formula right at the end, whether a result follows is yet to be read
            last = max(text.rfind(end, max(start - _SHORT, 0), start) for end in FORMULA_ENDS)
            if last >= 0 and text.find(b"</c>", last, start) < 0:
                start = last
            self._look_at_cells(text[:start], self._outside)
        return text[start:]

    def _look_at_cells(self, tags: bytes, outside: Outside) -> None:
        """Of whole tags: none beyond the limits, and whether each says where it stands; which hold
        nothing that can be read.
        """
        self.unread.look(tags)
        self._seen += len(tags)
        if self.every_cell_placed:  # asked of small workbooks only, so that a large one costs less
            self.every_cell_placed = self._seen <= SMALL_INSIDE and not _ODD_CELL.search(tags)
        if not outside.are_all_plain(tags) and outside.holds(tags):
            raise Refused(too_big(self._limits))


def too_big(limits: Limits) -> str:
    return f"表格超过 {limits.rows} 行或 {limits.columns} 列。请拆成几个文件，并删去多余的行和列。"


class Outside:
    """Finds a filled cell beyond the limits: a single one at XFD1048576 costs gigabytes."""

    def __init__(self, limits: Limits) -> None:
        last = _column_letters(limits.columns)
        columns = [rb"[A-Z]{3,}"]
        if len(last) > 1:
            high, low = last[0], last[1]
            columns += [rb"[%b-Z][A-Z]" % _after(high), rb"%b[%b-Z]" % (high.encode(), _after(low))]
        rows = _number_over(limits.rows + 10)
        where = rb"(?:(?:%b)[0-9]+|[A-Z]+%b)" % (b"|".join(columns), rows)
        self._cell = re.compile(
            rb"<(?:\w+:)?c\s[^>]*?\br\s*=\s*[\"']" + where + rb"[\"'][^>]*?(?<!/)>"
        )
        # a cell that is not written as every program does, or may stand outside: looked for by the
        # two bytes that each begins with, which is a third of the time of judging each
        self._other = re.compile(
            rb"<c(?![A-Za-z]| r=\"[A-Z](?![A-Z]|[0-9]{%d}))" % len(str(limits.rows + 10))
        )

    def are_all_plain(self, tags: bytes) -> bool:
        """Whether each cell is one of the first 26 columns, well inside, and says so first."""
        return b":c" not in tags and self._other.search(tags) is None

    def holds(self, tags: bytes) -> bool:
        return self._cell.search(tags) is not None


def _after(letter: str) -> bytes:
    return chr(ord(letter) + 1).encode()


def _column_letters(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _number_over(most: int) -> bytes:
    """A pattern for the decimal numbers greater than `most`."""
    digits = str(most)
    cases = [rb"[1-9][0-9]{%d,}" % len(digits)]
    for place, digit in enumerate(digits):
        if digit != "9":
            rest = len(digits) - place - 1
            cases.append(rb"%b[%d-9][0-9]{%d}" % (digits[:place].encode(), int(digit) + 1, rest))
    return rb"(?:%b)" % b"|".join(cases)
