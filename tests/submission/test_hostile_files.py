"""Files that are broken, locked or built to harm: a sentence, no crash, little memory."""

import contextlib
import hashlib
import io
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets import MissingColumns, read_sheet
from yikatong.submission.sheets_apart import ENV, Child
from yikatong.submission.sheets_door import WEB, Limits
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.submission.sheets_package import Outside, check_package

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


def test_a_number_formatted_as_a_duration_is_a_sentence() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        page = book.add_worksheet("名单")
        for at, row in enumerate(GOOD):
            page.write_row(at, 0, row)
        page.write_number(1, 1, 500243199901011234, book.add_format({"num_format": "[h]:mm:ss"}))
    assert "设为文本" in refusal(out.getvalue())


def test_too_many_sheets_are_refused_and_none_is_passed_over(make_xlsx: Make) -> None:
    said = refusal(make_xlsx(*([["封面"]] for _ in range(20)), GOOD))
    assert "21 个工作表" in said


def test_too_many_rows_are_refused() -> None:
    text = "姓名,身份证号,金额\n" + "冉,1,1\n" * 60_000
    assert "50000 行" in refusal(text.encode(), "a.csv")
    wide = ",".join("姓名" for _ in range(101))
    assert "100 列" in refusal(wide.encode(), "a.csv")


@pytest.mark.parametrize(
    ("entry", "body", "says"),
    [
        ("xl/media/inner.zip", b"PK\x03\x04 more", "嵌有其他文件"),
        ("xl/media/picture.png", b"PK\x03\x04 a package under another name", "嵌有其他文件"),
        ("xl/media/picture.png", b"MZ\x90\0 a program", "嵌有其他文件"),
        ("xl/embeddings/oleObject1.bin", b"x", "嵌有其他文件"),
        ("../../etc/cron.d/x", b"x", "外部目录"),
        ("xl/../../x", b"x", "外部目录"),
        ("..\\x", b"x", "外部目录"),
        ("/etc/x", b"x", "外部目录"),
        ("C:/x", b"x", "外部目录"),
        ("xl/macrosheets/sheet1.xml", b"<a/>", "宏"),
        (
            "xl/_rels/query.xml.rels",
            b'<Relationship Type="http://schemas.openxmlformats.org/officeDocument/2006/'
            b'relationships/externalLinkPath" Target="file:///x" TargetMode="External"/>',
            "外部链接",
        ),
    ],
)
def test_what_no_list_needs_is_refused(make_xlsx: Make, entry: str, body: bytes, says: str) -> None:
    assert says in refusal(repacked(make_xlsx(GOOD), {entry: body}))


def test_a_plain_hyperlink_and_a_picture_are_no_offence(make_xlsx: Make) -> None:
    link = (
        b'<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
        b'officeDocument/2006/relationships/hyperlink" Target="mailto:a" TargetMode="External"/>'
        b"</Relationships>"
    )
    extra = {"xl/worksheets/_rels/sheet1.xml.rels": link, "xl/media/a.png": b"\x89PNG" + b"x" * 99}
    sheet = read_sheet(repacked(make_xlsx(GOOD), extra), DISBURSEMENT, name="a.xlsx")
    assert sheet.frame.height == 1


@pytest.mark.parametrize("suffix", [".xlsm", ".xltm", ".xlsb", ".xlam"])
def test_kinds_with_macros_are_refused_by_name(make_xlsx: Make, suffix: str) -> None:
    assert "带宏" in refusal(make_xlsx(GOOD), f"名单{suffix}")


def test_a_zip_with_a_password_is_named(make_xlsx: Make) -> None:
    locked = bytearray(make_xlsx(GOOD))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = 0
        while (at := locked.find(signature, at)) >= 0:
            locked[at + offset] |= 1
            at += 4
    assert "密码" in refusal(bytes(locked))


def test_an_old_workbook_with_macros_is_refused() -> None:
    streams = "Workbook".encode("utf-16-le") + "_VBA_PROJECT".encode("utf-16-le")
    assert "宏" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + streams + b"\0" * 600, "a.xls")


def test_a_size_in_the_directory_that_lies_is_not_believed(make_xlsx: Make) -> None:
    bomb = bytearray(repacked(make_xlsx(GOOD), {"xl/media/a.bin": b"\0" * (60 << 20)}))
    true = (60 << 20).to_bytes(4, "little")
    at = 0
    while (at := bomb.find(true, at)) >= 0:
        bomb[at : at + 4] = (100).to_bytes(4, "little")
        at += 4
    sentence = refusal(bytes(bomb))
    assert "压缩" in sentence or "损坏" in sentence


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_ten_megabytes_is_refused(quote: str) -> None:
    text = f"姓名,身份证号,金额\n{quote}{'冉' * (10 << 20)}{quote},1,1\n".encode()
    big = Limits(64 << 20, 64 << 20, 50_000)
    assert "单元格" in refusal(text, "a.csv", limits=big)


@pytest.mark.parametrize("lines", ['"冉,{0},5,x\n谭,{0},6,"a\n', '冉,{0},5,"x\n谭,{0},6,a\n'])
def test_a_quote_that_is_never_closed_swallows_no_line(lines: str) -> None:
    text = "姓名,身份证号,金额,备注\n" + lines.format(GOOD[1][1])
    assert "引号不配对" in refusal(text.encode(), "a.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_zero_bytes_in_a_text_are_refused(encoding: str) -> None:
    text = "姓名,身份证号,金额\n冉,1\0,1\n" + "谭,2,2\n" * 50
    assert "NUL" in refusal(text.encode(encoding), "a.csv")


def test_zero_and_control_characters_in_a_workbook_never_reach_the_books(make_xlsx: Make) -> None:
    rows = [GOOD[0], ["冉_x0000_光\x07荣", "11010519491231002X", "5"]]
    name = read_sheet(make_xlsx(rows), DISBURSEMENT, name="a.xlsx").frame["payee_name"][0]
    assert "\0" not in name
    assert "\x07" not in name


# -- the child ------------------------------------------------------------------------------------


def far_row() -> str:
    """Two cells that name no place in rows a million apart, the second one 90 columns wide."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/'
        'spreadsheetml/2006/main"><sheetData><row r="1"><c><v>1</v></c></row><row r="1048576">'
        + "<c><v>1</v></c>" * 16_000
        + "</row></sheetData></worksheet>"
    )


def test_cells_without_a_place_are_read_by_the_child_and_cost_us_nothing(make_xlsx: Make) -> None:
    hostile = repacked(make_xlsx(GOOD), {"xl/worksheets/sheet1.xml": far_row().encode()})
    assert not check_package(hostile, WEB).every_cell_placed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sentence = refusal(hostile)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert "内存" in sentence or "50000 行" in sentence


@pytest.mark.parametrize(
    "cell",
    ['<c r="A2" r="XFD1048576">', '<c s=">" r="XFD1048576">', '<c r="xfd1048576">',
     '<!-- > --><c x=">" r="XFD1048576">', '<x:c r="XFD1048576">', "<c r='A2'>"],
)  # fmt: skip
def test_a_cell_of_two_minds_is_read_by_the_child(make_xlsx: Make, cell: str) -> None:
    content = make_xlsx(GOOD)
    assert check_package(content, WEB).every_cell_placed
    sheet = f'<worksheet><sheetData><row r="2">{cell}<v>1</v></c></row></sheetData></worksheet>'
    hostile = repacked(content, {"xl/worksheets/sheet1.xml": sheet.encode()})
    with contextlib.suppress(Refused):
        assert not check_package(hostile, WEB).every_cell_placed


@pytest.mark.parametrize("part", ["xl/data/s.xml", "xl/worksheets/s.bin", "xl/media/s.png"])
def test_a_sheet_where_no_program_puts_one_is_read_by_the_child(make_xlsx: Make, part: str) -> None:
    cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    long = b" " * ((1 << 18) - 5)  # the word stands across the end of a block
    changes = {
        part: b"<worksheet>" + long[:-11] + b"<sheetData>" + cell + b"</sheetData></worksheet>",
        "xl/_rels/workbook.xml.rels": (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            b'<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
            b'relationships/worksheet" Target="/%b"/></Relationships>' % part.encode()
        ),
    }
    hostile = repacked(make_xlsx(GOOD), changes)
    assert not check_package(hostile, WEB).every_cell_placed
    assert refusal(hostile)


def test_a_child_that_wants_too_much_memory_dies_alone(make_xlsx: Make) -> None:
    many = make_xlsx([GOOD[0], *([f"冉{n}", "11010519491231002X", n] for n in range(30_000))])
    with Child() as child, pytest.raises(Refused, match="内存超过限度"):
        child.read(many, DISBURSEMENT, replace(WEB, memory_bytes=1 << 20), mapping={})
    with Child() as child:
        assert child.read(many, DISBURSEMENT, WEB, mapping={}).frame.height == 30_000


def test_a_child_that_takes_too_long_is_ended(make_xlsx: Make) -> None:
    with Child() as child, pytest.raises(Refused, match="秒，已停止"):
        child.read(make_xlsx(GOOD), DISBURSEMENT, replace(WEB, seconds=0), mapping={})


def test_a_child_and_this_process_read_alike(make_xlsx: Make) -> None:
    content = make_xlsx([["姓名", "身份证号", "金额", "幸运"], *GOOD[1:], ["合计", "", "6"]])
    here = read_sheet(content, DISBURSEMENT, name="a.xlsx")
    with Child() as child:
        there = child.read(content, DISBURSEMENT, WEB, mapping={})
    assert there.frame.equals(here.frame)
    assert there.frame.schema == here.frame.schema
    assert replace(there, frame=here.frame) == here
    with Child() as child, pytest.raises(MissingColumns) as caught:
        child.read(make_xlsx([["姓名", "身份证号"], ["冉", "1"]]), DISBURSEMENT, WEB, mapping={})
    assert caught.value.missing == ("amount",)


def test_the_child_knows_neither_django_nor_keys() -> None:
    program = (
        "import sys, yikatong.submission.sheets_child;"
        "print([m for m in sys.modules if m.startswith(('django', 'psycopg', 'yikatong.vault'))])"
    )
    told = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env=ENV, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "[]"


ROWS = 50_010  # what WEB allows, with the ten above a header


@given(row=st.integers(1, 1_048_576), column=st.sampled_from(["A", "Z", "AA", "CV", "CW", "XFD"]))
def test_a_cell_that_is_taken_as_plain_is_never_outside(row: int, column: str) -> None:
    cell = f'<row r="1"><c r="{column}{row}"><v>1</v></c></row>'.encode()
    outside = Outside(WEB)
    assert outside.holds(cell) is (row > ROWS or column in {"CW", "XFD"})
    assert not (outside.are_all_plain(cell) and outside.holds(cell))


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="A2"><v>',
        b'<cols><col min="1"/></cols><conditionalFormatting sqref="A1"><cfRule/><c r="B7" s="3">',
    ],
)
def test_cells_as_every_program_writes_them_are_plain(cell: bytes) -> None:
    assert Outside(WEB).are_all_plain(cell)


@pytest.mark.parametrize(
    "cell",
    [
        b"<c>", b"<c/>", b'<c t="s">', b'<x:c r="A1">', b"<c r='A1'>", b'<c  r="A1">',
        b'<c r ="A1">', b'<c\tr="A1">', b'<c s="1" r="A1">', b'<c r="a1">', b'<c r="$A$1">',
        b'<c r="AA1">', b'<c r="A10000">',
    ],
)  # fmt: skip
def test_every_other_way_of_writing_one_is_looked_at_closely(cell: bytes) -> None:
    assert not Outside(WEB).are_all_plain(cell)
