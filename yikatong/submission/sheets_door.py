"""The door for files from outside: what they are, whether they are safe, their rows as typed.

trust.md §6. Limits are counted while reading, because headers lie. Cells come through calamine with
their types: a number of 16 and more digits becomes 5.00243199901101e+17 here, never the rounded
digits that a conversion to text would invent.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from typing import Final

import polars as pl
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
)

from yikatong.kernel.errors import Refused
from yikatong.submission import sheets_quick
from yikatong.submission.sheets_cells import NAMELESS, Cell, RawSheet
from yikatong.submission.sheets_package import (
    AGAIN,
    BULK,
    MIB,
    WEB,
    Limits,
    too_big,
)

__all__ = ["BULK", "HEAD_ROWS", "WEB", "Cell", "Limits", "RawSheet", "decoded"]

HEAD_ROWS: Final = 12
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = b"PK\x03\x04"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_WORKBOOK_STREAMS: Final = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
_MACRO_STREAM: Final = "_VBA_PROJECT".encode("utf-16-le")
_OTHER_KINDS: Final = (
    (b"%PDF", "这是 PDF 文件，不是表格"),
    (b"\x89PNG", "这是图片，不是表格"),
    (b"\xff\xd8\xff", "这是图片，不是表格"),
    (b"Rar!", "这是压缩包，请解压后上传其中的表格"),
    (b"7z\xbc\xaf", "这是压缩包，请解压后上传其中的表格"),
    (b"\x1f\x8b", "这是压缩包，请解压后上传其中的表格"),
    (b"MZ", "这是程序，不是表格"),
    (b"\x7fELF", "这是程序，不是表格"),
)


def kind_of(content: bytes, name: str) -> str:
    """`xlsx`, `xls` or `text`, told by content; what is none of them is Refused in one sentence."""
    if not content[:MIB].strip(b"\0 \r\n\t") and not content.strip(b"\0 \r\n\t"):
        raise Refused("文件是空的，请核对后重新上传。")
    suffix = PurePath(name).suffix.lower()
    if suffix == ".et":
        raise Refused("这是 WPS 的 .et 文件，请另存为 .xlsx 后重新上传。")
    if suffix in {".xlsm", ".xltm", ".xlsb", ".xlam"}:
        raise Refused(f"不接收带宏或二进制的工作簿（{suffix}）。{AGAIN}")
    for magic, what in _OTHER_KINDS:
        if content.startswith(magic):
            raise Refused(f"{what}。只接收 .xlsx、.xls、.csv。")
    if content.startswith(_ZIP):
        return "xlsx"
    if content.startswith(_OLE):
        return "xls"
    if suffix in {".xlsx", ".xls"}:
        raise Refused(f"文件内容不是 {suffix} 工作簿，可能已损坏。{AGAIN}")
    return "text"


def check_old_workbook(content: bytes) -> None:
    """Look at an .xls before any reader opens it. Raises Refused."""
    if _ENCRYPTED_PACKAGE in content:
        raise Refused(f"文件有密码，无法读取。请去掉密码。{AGAIN}")
    if not any(stream in content for stream in _WORKBOOK_STREAMS):
        raise Refused("这不是 Excel 工作簿。只接收 .xlsx、.xls、.csv。")
    if _MACRO_STREAM in content:
        raise Refused(f"工作簿里有宏，不接收。{AGAIN}")


def workbook_sheets(source: Path | bytes, limits: Limits) -> Iterator[RawSheet]:
    """The visible sheets of a workbook that was looked at, each read when it is asked for. A file
    is read where it lies, its bytes are never all in memory.

    Raises:
        Refused: damaged, or more rows or columns than the limits allow.
    """
    head = sheets_quick.head_of(source, HEAD_ROWS)
    if head is None:
        yield from _sheets(source, limits)
        return
    for raw in _sheets(head, limits):
        if raw.left:  # nobody knows of the rows below whether they begin there too
            yield next(_sheets(source, limits, named=raw.name))
            continue
        at_once = partial(sheets_quick.columns, source, raw.name, after=HEAD_ROWS, limits=limits)
        yield replace(raw, rest=_later_rows(source, raw.name, limits), at_once=at_once)


def _later_rows(source: Path | bytes, name: str, limits: Limits) -> Iterator[Sequence[Cell]]:
    (raw,) = _sheets(source, limits, named=name)
    assert not isinstance(raw.rest, pl.DataFrame)  # noqa: S101 - of text files only
    yield from raw.rest


def _sheets(
    source: Path | bytes, limits: Limits, *, named: str | None = None
) -> Iterator[RawSheet]:
    """Cell by cell: each visible sheet, or the one of that name."""
    try:
        if isinstance(source, Path):
            book = CalamineWorkbook.from_path(source)
        else:
            book = CalamineWorkbook.from_filelike(io.BytesIO(source))
        shown = [m.name for m in book.sheets_metadata if m.visible == SheetVisibleEnum.Visible]
    except PasswordError:
        raise Refused(f"文件有密码，无法读取。请去掉密码。{AGAIN}") from None
    except (CalamineError, OSError):
        raise Refused(f"文件已损坏，无法打开。{AGAIN}") from None
    del source  # the reader has its own
    if len(shown) > limits.sheets:
        raise Refused(
            f"工作簿里有 {len(shown)} 个工作表，超过 {limits.sheets} 个。"
            "请把这次要导入的名单另存为单独的工作簿后重新上传。"
        )
    for name in shown:
        if named not in {None, name}:
            continue
        try:
            sheet = book.get_sheet_by_name(name)
        except CalamineError:
            raise Refused(f"工作表“{name}”已损坏，无法读取。{AGAIN}") from None
        if sheet.total_height > limits.rows + 10 or sheet.width > limits.columns:
            raise Refused(too_big(limits))
        # the reader gives rows from row 1 on, but cells only from the first used column on
        left = 0 if sheet.start is None else sheet.start[1]
        rows = _rows_of(sheet)
        del sheet
        yield RawSheet(name, list(islice(rows, HEAD_ROWS)), rows, left)


def _rows_of(sheet: CalamineSheet) -> Iterator[Sequence[Cell]]:
    """Its rows. With the last of them the sheet is given up: a large one takes most of a gigabyte,
    and what was read of it is yet to be put together.

    Raises:
        Refused: an id number formatted as a duration is more days than there are.
    """
    try:
        yield from sheet.iter_rows()
    except OverflowError:
        raise Refused(
            f"工作表“{sheet.name}”里有时间格式的单元格存着过大的数（在 Excel 里显示为 ####），"
            "多半是号码列的格式设错了。请把这一列设为文本，重新录入后上传。"
        ) from None


# -- text ---------------------------------------------------------------------------------------


def text_sheets(content: bytes, limits: Limits) -> Iterator[RawSheet]:
    """The one sheet of a .csv file in any of the usual codings. Raises Refused."""
    text = decoded(content)
    if text.lstrip()[:64].lower().startswith(("<html", "<!doctype", "<?xml", "<table", "{", "[")):
        raise Refused(f"文件是网页或数据接口的内容，不是表格。{AGAIN}")
    delimiter = max(",\t;", key=text[:4096].count)
    if '"' in text or text.count("\r") != text.count("\r\n"):
        rows = _quoted_rows(text, delimiter, limits)
        yield RawSheet(NAMELESS, list(islice(rows, HEAD_ROWS)), rows, by_commas=delimiter == ",")
    else:
        yield _plain_text(text, delimiter, limits)


def _plain_text(text: str, delimiter: str, limits: Limits) -> RawSheet:
    """Where no cell is quoted a line is a row, and polars reads it twenty times as fast."""
    lines = text.count("\n") + (not text.endswith("\n"))
    if lines > limits.rows + 10:
        raise Refused(too_big(limits))
    first = [line.rstrip("\r") for line in text.split("\n", HEAD_ROWS)[:HEAD_ROWS]]
    head = [line.split(delimiter) if line else [] for line in first[:lines]]
    width = max(map(len, head), default=1)
    if width > limits.columns:
        raise Refused(too_big(limits))
    content = text.encode()
    whole = pl.read_csv(
        content,
        has_header=False,
        # one more than the first rows have: a later one may be longer, and that is told
        schema={str(at): pl.String for at in range(max(width, 2) + 1)},
        infer_schema=False,
        separator=delimiter,
        quote_char=None,
        missing_columns="insert",
        truncate_ragged_lines=True,
    )
    longest = whole.select(pl.all().str.len_chars().max()).row(0)
    if max((length or 0 for length in longest), default=0) > limits.cell_characters:
        raise Refused(_LONG_CELL)
    widths = _widths(content) if delimiter == "," else None
    return RawSheet(
        NAMELESS, head, whole.slice(len(head)), by_commas=delimiter == ",", widths=widths
    )


def _widths(content: bytes) -> pl.Series:
    """How many cells each line has, which the frame of its cells does not tell of empty ones."""
    lines = pl.read_csv(
        content, has_header=False, schema={"line": pl.String}, infer_schema=False,
        separator="\x1f", quote_char=None, truncate_ragged_lines=True,
    )  # fmt: skip
    return lines.select(pl.col("line").str.count_matches(",", literal=True) + 1).to_series()


_LONG_CELL: Final = f"有单元格超过 32767 个字，不是名单应有的内容，无法读取。{AGAIN}"


def _quoted_rows(text: str, delimiter: str, limits: Limits) -> Iterator[Sequence[Cell]]:
    # strict: a quote that is never closed takes the lines after it into its cell, without a word
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, row in enumerate(reader, 1):
            if number > limits.rows + 10 or len(row) > limits.columns:
                raise Refused(too_big(limits))
            yield row
    except csv.Error:
        raise Refused(f"CSV 的引号不配对或单元格过长，无法读取。{AGAIN}") from None


def decoded(content: bytes) -> str:
    """UTF-8 with or without mark, UTF-16 with mark, GB18030. Raises Refused for anything else."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif (guessed := _unmarked_utf16(content)) is not None:
        encodings = [guessed]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _is_noise(text[:4096]):
            continue
        if "\0" in text:
            raise Refused(f"文件里有空字节（NUL），已损坏或不是表格。{AGAIN}")
        return text
    raise Refused("文件不是表格，或文字编码无法识别。请用 Excel 或 WPS 另存为 .xlsx 后重新上传。")


def _unmarked_utf16(content: bytes) -> str | None:
    """A comma or line end beside a zero byte tells UTF-16 that lost its mark, and which one."""
    start = content[:4096]
    if b"\0" not in start:
        return None
    little = sum(start[at] in b",\t\r\n0123456789" and start[at + 1] == 0
                 for at in range(0, len(start) - 1, 2))  # fmt: skip
    big = sum(start[at] == 0 and start[at + 1] in b",\t\r\n0123456789"
              for at in range(0, len(start) - 1, 2))  # fmt: skip
    if max(little, big) * 20 < len(start) // 2:
        return None
    return "utf-16-le" if little > big else "utf-16-be"


def _is_noise(text: str) -> bool:
    """Random bytes decode as GB18030 more often than one thinks; control characters tell. Those of
    private use and of the later planes do not: they are names (造字, CJK extensions).
    """
    strange = sum(
        not (c.isprintable() or c in "\r\n\t\u3000\u00a0\ufeff\u200b")
        and not ("\ue000" <= c <= "\uf8ff" or "\U00020000" <= c <= "\U0003ffff")
        for c in text
    )
    return strange * 50 > len(text)


@contextmanager
def unchanged(source: Path | bytes) -> Iterator[None]:
    """A file on disk that is read more than once is one and the same file throughout.

    Raises:
        Refused: it was written meanwhile; nothing of what was read counts.
    """
    before = _stamp(source)
    yield
    if _stamp(source) != before:
        raise Refused("文件在读取过程中被改动，没有采用。请等它保存完毕后重新导入。")


def _stamp(source: Path | bytes) -> tuple[int, ...]:
    try:
        facts = source.stat() if isinstance(source, Path) else None
    except OSError:
        facts = None
    return () if facts is None else (facts.st_ino, facts.st_size, facts.st_mtime_ns)


def content_of(source: Path | bytes, limits: Limits) -> bytes:
    """The bytes of a file, at most as many as the limits allow. Raises Refused."""
    if isinstance(source, bytes):
        size = len(source)
    else:
        try:
            size = source.stat().st_size
        except OSError:
            raise Refused(f"找不到文件“{source.name}”，请核对路径。") from None
    if size > limits.file_bytes:
        raise Refused(f"文件超过 {limits.file_bytes // MIB} MB，请拆成几个文件。")
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except OSError as error:
        raise Refused(f"文件“{source.name}”无法读取（{error.strerror}）。") from None
