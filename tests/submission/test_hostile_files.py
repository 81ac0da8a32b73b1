"""Files that are broken, locked or built to harm: a sentence, no crash, little memory."""

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable

import pytest

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets import read_sheet
from yikatong.submission.sheets_door import WEB, Limits
from yikatong.submission.sheets_forms import DISBURSEMENT

GOOD = [["姓名", "身份证号", "金额"], ["冉光荣", "11010519491231002X", "5"]]
Make = Callable[..., bytes]


def refusal(content: bytes, name: str = "名单.xlsx", limits: Limits = WEB) -> str:
    with pytest.raises(Refused) as caught:
        read_sheet(content, DISBURSEMENT, name=name, limits=limits)
    sentence = str(caught.value)
    assert sentence.endswith("。")
    assert "\n" not in sentence
    return sentence


def noise(seed: int, size: int) -> bytes:
    """Random bytes, the same on every run."""
    return hashlib.shake_128(b"%d" % seed).digest(size)


def repacked(content: bytes, changes: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            if entry.filename not in changes:
                new.writestr(entry.filename, old.read(entry))
        for name, body in changes.items():
            new.writestr(name, body)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "名单.xlsx", "空的"),
        (b"\0" * 100, "名单.xlsx", "空的"),
        (b"%PDF-1.7 x", "名单.xlsx", "PDF"),
        (b"\x89PNG\r\n", "名单.xls", "图片"),
        (b"PK\x03\x04 broken", "名单.xlsx", "损坏"),
        (b"hello", "名单.xlsx", "不是 .xlsx"),
        (b"hello", "名单.et", ".et"),
        (b"PK\x03\x04", "名单.xlsm", "宏"),
        (b"<html><table><tr><td>1</td></tr></table>", "名单.csv", "网页"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "名单.xls", "不是 Excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le") + b"\0" * 600,
         "名单.xls", "损坏"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
         "名单.xlsx", "密码"),
        (noise(1, 5000), "名单.csv", "编码"),
        (b'\xe5\xa7\x93,"' + b"x" * 200_000, "名单.csv", "CSV"),
    ],
)  # fmt: skip
def test_what_is_no_sheet_is_named(content: bytes, name: str, says: str) -> None:
    assert says in refusal(content, name)


def test_random_bytes_never_crash() -> None:
    leads = (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"a,b\n")
    for size in (1, 2, 3, 7, 64, 1000):
        for lead in leads:
            for name in ("a.csv", "a.xlsx", "a.xls", ""):
                refusal(lead + noise(size, size), name)


def test_a_cut_or_flipped_workbook_never_crashes(make_xlsx: Make) -> None:
    good = make_xlsx(GOOD)
    for cut in range(0, len(good), 97):
        refusal(good[:cut], "a.xlsx")
    chance = noise(4, 600)
    for at in range(0, len(chance), 4):
        bad = bytearray(good)
        place = int.from_bytes(chance[at : at + 3]) % len(bad)
        bad[place] ^= 1 << chance[at + 3] % 8
        # harmless flips are read, the others are refused; nothing else may happen
        with contextlib.suppress(Refused):
            read_sheet(bytes(bad), DISBURSEMENT, name="a.xlsx")


def test_bombs_are_counted_while_reading(make_xlsx: Make) -> None:
    bomb = repacked(make_xlsx(GOOD), {"xl/media/a.bin": b"\0" * (60 << 20)})
    assert len(bomb) < 1 << 20
    assert "压缩" in refusal(bomb)
    assert "解压后超过" in refusal(
        repacked(make_xlsx(GOOD), {"xl/media/a.bin": noise(5, 1 << 16) * 64}),
        limits=Limits(20 << 20, 2 << 20, 100),
    )
    assert "个部件" in refusal(repacked(make_xlsx(GOOD), {f"x/{n}.xml": b"x" for n in range(101)}))
    assert "MB" in refusal(b"PK\x03\x04" + b"x" * 2000, limits=Limits(1000, 1000, 10))


@pytest.mark.parametrize(
    ("entry", "body", "says"),
    [
        ("xl/evil.xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a/>', "DTD"),
        ("xl/evil.xml", b" " * 65_530 + b"<!doctype a>", "DTD"),
        ("xl/evil.xml", "<!DOCTYPE a>".encode("utf-16"), "编码"),
        ("xl/externalLinks/externalLink1.xml", b"<a/>", "外部链接"),
        ("xl/vbaProject.bin", b"x", "宏"),
        ("XL/WORKBOOK.XML", b"x", "重名"),
    ],
)
def test_what_may_harm_is_refused(make_xlsx: Make, entry: str, body: bytes, says: str) -> None:
    assert says in refusal(repacked(make_xlsx(GOOD), {entry: body}))


@pytest.mark.parametrize("cell", ["XFD1048576", "AAA1", "CW2", "DA1", "A50011", "A1048576"])
def test_one_far_cell_costs_nothing(make_xlsx: Make, cell: str) -> None:
    sheet = (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/'
        'spreadsheetml/2006/main"><sheetData><row r="1"><c s="0" r="A1"><v>1</v></c></row>'
        f'<row r="2"><c t="n"  r="{cell}"><v>1</v></c></row></sheetData></worksheet>'
    )
    hostile = repacked(make_xlsx(GOOD), {"xl/worksheets/sheet1.xml": sheet.encode()})
    assert "超过 50000 行或 100 列" in refusal(hostile)


@pytest.mark.parametrize("cell", ["CV2", "A50010"])
def test_a_near_cell_and_ghost_styles_are_no_offence(make_xlsx: Make, cell: str) -> None:
    sheet = (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/'
        'spreadsheetml/2006/main"><sheetData>'
        f'<row r="2"><c r="{cell}"><v>1</v></c><c r="XFD3" s="0"/></row></sheetData></worksheet>'
    )
    near = repacked(make_xlsx(GOOD), {"xl/worksheets/sheet1.xml": sheet.encode()})
    assert "没有找到" in refusal(near)


def test_too_many_rows_are_refused() -> None:
    text = "姓名,身份证号,金额\n" + "冉,1,1\n" * 60_000
    assert "50000 行" in refusal(text.encode(), "a.csv")
    wide = ",".join("姓名" for _ in range(101))
    assert "100 列" in refusal(wide.encode(), "a.csv")
