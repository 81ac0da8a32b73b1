"""The door for files from outside: what they are, whether they are safe, their rows as typed.

trust.md §6. Limits are counted while reading, because headers lie. Cells come through calamine with
their types: a number of 16 and more digits becomes 5.00243199901101e+17 here, never the rounded
digits that a conversion to text would invent.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from yikatong.kernel.errors import Refused

MIB: Final = 1 << 20
Cell = str | float | int | bool | date | datetime | time | timedelta | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost. Bytes as stored and inflated, rows, columns, seconds nowhere."""

    file_bytes: int
    inflated_bytes: int
    rows: int
    columns: int = 100
    entries: int = 100
    ratio: int = 100
    sheets: int = 20


WEB: Final = Limits(20 * MIB, 50 * MIB, 50_000)
BULK: Final = Limits(200 * MIB, 1536 * MIB, 1_048_575)
_STEP: Final = 1 << 16
_LONGEST_TAG: Final = 1 << 16
_SMALL_ENTRY: Final = MIB
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = b"PK\x03\x04"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_WORKBOOK_STREAMS: Final = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
_FORBIDDEN_XML: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_OTHER_KINDS: Final = (
    (b"%PDF", "这是 PDF 文件，不是表格"),
    (b"\x89PNG", "这是图片，不是表格"),
    (b"\xff\xd8\xff", "这是图片，不是表格"),
    (b"Rar!", "这是压缩包，请解压后上传其中的表格"),
    (b"7z\xbc\xaf", "这是压缩包，请解压后上传其中的表格"),
)
_AGAIN: Final = "请用 Excel 或 WPS 另存为 .xlsx 后重新上传。"


@dataclass(frozen=True, slots=True)
class RawSheet:
    """One sheet: its rows in order, the first being row 1 of the user's own."""

    name: str
    rows: Iterator[Sequence[Cell]]


def open_sheets(source: Path | bytes, *, name: str, limits: Limits) -> Iterator[RawSheet]:
    """The visible sheets of an .xlsx, .xls or .csv file, told apart by content and not by name.

    Raises:
        Refused: one sentence that says what the file is, or which limit it breaks.
    """
    content = _content(source, limits)
    if not content.strip(b"\0 \r\n\t"):
        raise Refused("文件是空的，请核对后重新上传。")
    suffix = PurePath(name).suffix.lower()
    if suffix == ".et":
        raise Refused("这是 WPS 的 .et 文件，请另存为 .xlsx 后重新上传。")
    if suffix in {".xlsm", ".xltm", ".xlsb"}:
        raise Refused(f"不接收带宏或二进制的工作簿（{suffix}）。{_AGAIN}")
    for magic, what in _OTHER_KINDS:
        if content.startswith(magic):
            raise Refused(f"{what}。只接收 .xlsx、.xls、.csv。")
    if content.startswith(_ZIP):
        check_package(content, limits)
        return _workbook_sheets(content, limits)
    if content.startswith(_OLE):
        _check_ole(content)
        return _workbook_sheets(content, limits)
    if suffix in {".xlsx", ".xls"}:
        raise Refused(f"文件内容不是 {suffix} 工作簿，可能已损坏。{_AGAIN}")
    return _text_sheets(content, limits)


def check_package(content: bytes, limits: Limits) -> None:
    """Look into an .xlsx before any reader opens it. Raises Refused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
            names = [entry.filename for entry in entries]
            _check_names(names, limits)
            left = limits.inflated_bytes
            for entry in entries:
                if entry.flag_bits & 1:
                    raise Refused(f"文件有密码，无法读取。请去掉密码。{_AGAIN}")
                left -= _inflate(package, entry, left, limits)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise Refused(f"文件已损坏，无法打开（{type(error).__name__}）。{_AGAIN}") from None
    except zlib.error:
        raise Refused(f"文件已损坏，无法解压。{_AGAIN}") from None


def _check_names(names: list[str], limits: Limits) -> None:
    if len(names) > limits.entries:
        raise Refused(f"文件内部有 {len(names)} 个部件，超过 {limits.entries} 个。{_AGAIN}")
    if len({name.lower() for name in names}) != len(names):
        raise Refused(f"文件内部有重名部件，不安全。{_AGAIN}")
    if not any(name.lower() == "xl/workbook.xml" for name in names):
        raise Refused("这个压缩包不是 .xlsx 工作簿。只接收 .xlsx、.xls、.csv。")
    if any("vbaproject" in name.lower() for name in names):
        raise Refused(f"工作簿里有宏，不接收。{_AGAIN}")
    if any("externallinks/" in name.lower() for name in names):
        raise Refused("工作簿引用了其他文件（外部链接），不接收。请把数据粘贴为数值后重新上传。")


def _inflate(package: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, limits: Limits) -> int:
    """Read one entry to its end without keeping it; the bytes it really holds."""
    is_xml = entry.filename.lower().endswith((".xml", ".rels", ".vml"))
    is_sheet = is_xml and "worksheets/" in entry.filename.lower()
    outside = _outside(limits)
    size, carried = 0, b""
    with package.open(entry) as stream:
        while block := stream.read(_STEP):
            if is_xml and size == 0 and block.startswith(_UTF16_MARKS):
                raise Refused(f"工作簿内部编码异常，不安全。{_AGAIN}")
            size += len(block)
            if size > left:
                most = limits.inflated_bytes // MIB
                raise Refused(f"文件解压后超过 {most} MB。请拆成几个文件，或用命令行导入。")
            if size > _SMALL_ENTRY and size > limits.ratio * max(entry.compress_size, 1):
                raise Refused(f"文件压缩比异常，疑似压缩炸弹，不接收。{_AGAIN}")
            if is_xml:
                carried = _scan(carried + block, outside if is_sheet else None, limits)
    return size


def _scan(text: bytes, outside: re.Pattern[bytes] | None, limits: Limits) -> bytes:
    """Look for what is forbidden; gives back the unfinished tag, to be read with the next block."""
    if _FORBIDDEN_XML.search(text):
        raise Refused(f"工作簿内部含有 DTD 或实体定义，不安全，不接收。{_AGAIN}")
    if outside is not None and outside.search(text):
        raise Refused(_too_big(limits))
    start = text.rfind(b"<")
    if start < 0 or text.find(b">", start) >= 0:
        return b""
    if len(text) - start > _LONGEST_TAG:
        raise Refused(f"工作簿内部结构异常，不安全。{_AGAIN}")
    return text[start:]


def _outside(limits: Limits) -> re.Pattern[bytes]:
    """Matches a filled cell beyond the limits: a single one at XFD1048576 costs gigabytes."""
    last = _column_letters(limits.columns)
    columns = [rb"[A-Z]{3,}"]
    if len(last) > 1:
        high, low = last[0], last[1]
        columns += [rb"[%b-Z][A-Z]" % _after(high), rb"%b[%b-Z]" % (high.encode(), _after(low))]
    rows = _number_over(limits.rows + 10)
    where = rb"(?:(?:%b)[0-9]+|[A-Z]+%b)" % (b"|".join(columns), rows)
    return re.compile(rb"<(?:\w+:)?c\s[^>]*?\br\s*=\s*[\"']" + where + rb"[\"'][^>]*?(?<!/)>")


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


def _check_ole(content: bytes) -> None:
    if _ENCRYPTED_PACKAGE in content:
        raise Refused(f"文件有密码，无法读取。请去掉密码。{_AGAIN}")
    if not any(stream in content for stream in _WORKBOOK_STREAMS):
        raise Refused("这不是 Excel 工作簿。只接收 .xlsx、.xls、.csv。")


def _workbook_sheets(content: bytes, limits: Limits) -> Iterator[RawSheet]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        shown = [m.name for m in book.sheets_metadata if m.visible == SheetVisibleEnum.Visible]
    except PasswordError:
        raise Refused(f"文件有密码，无法读取。请去掉密码。{_AGAIN}") from None
    except CalamineError:
        raise Refused(f"文件已损坏，无法打开。{_AGAIN}") from None
    for name in shown[: limits.sheets]:
        try:
            sheet = book.get_sheet_by_name(name)
        except CalamineError:
            raise Refused(f"工作表“{name}”已损坏，无法读取。{_AGAIN}") from None
        if sheet.total_height > limits.rows + 10 or sheet.width > limits.columns:
            raise Refused(_too_big(limits))
        yield RawSheet(name, iter(sheet.iter_rows()))


def _text_sheets(content: bytes, limits: Limits) -> Iterator[RawSheet]:
    text = decoded(content)
    if text.lstrip()[:64].lower().startswith(("<html", "<!doctype", "<?xml", "<table", "{", "[")):
        raise Refused(f"文件是网页或数据接口的内容，不是表格。{_AGAIN}")
    delimiter = max(",\t;", key=text[:4096].count)
    yield RawSheet("csv", _text_rows(text, delimiter, limits))


def _text_rows(text: str, delimiter: str, limits: Limits) -> Iterator[Sequence[Cell]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for number, row in enumerate(reader, 1):
            if number > limits.rows + 10 or len(row) > limits.columns:
                raise Refused(_too_big(limits))
            yield row
    except csv.Error:
        raise Refused(f"CSV 的引号不配对或单元格过长，无法读取。{_AGAIN}") from None


def decoded(content: bytes) -> str:
    """UTF-8 with or without mark, UTF-16 with mark, GB18030. Raises Refused for anything else."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and not _is_noise(text[:4096]):
            return text
    raise Refused("文件不是表格，或文字编码无法识别。请用 Excel 或 WPS 另存为 .xlsx 后重新上传。")


def _is_noise(text: str) -> bool:
    """Random bytes decode as GB18030 more often than one thinks; control characters tell."""
    strange = sum(not (c.isprintable() or c in "\r\n\t\u3000\u00a0\ufeff\u200b") for c in text)
    return strange * 50 > len(text)


def _content(source: Path | bytes, limits: Limits) -> bytes:
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


def _too_big(limits: Limits) -> str:
    return f"表格超过 {limits.rows} 行或 {limits.columns} 列。请拆成几个文件，并删去多余的行和列。"
