"""What township spreadsheets suffer from (each pain a file made here), and what becomes of it."""

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from yikatong.submission.sheets import MissingColumns, Sheet, read_sheet
from yikatong.submission.sheets_forms import ACCOUNT_COLLECTION, DISBURSEMENT, ROSTER

ID, OTHER = "11010519491231002X", "440524188001010014"
HEADER = ["姓名", "身份证号", "金额"]
LINE = ["冉光荣", ID, "5"]
Make = Callable[..., bytes]
MakeText = Callable[..., str]


def read(content: bytes, form: Any = DISBURSEMENT, name: str = "名单.xlsx", **more: Any) -> Sheet:
    return read_sheet(content, form, name=name, **more)


def first(content: bytes, form: Any = DISBURSEMENT, name: str = "名单.xlsx") -> dict[str, Any]:
    return read(content, form, name).frame.row(0, named=True)


def repacked(content: bytes, entry: str, change: Callable[[str], str]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            body = old.read(part)
            new.writestr(part.filename, change(body.decode()) if part.filename == entry else body)
    return out.getvalue()


# -- ids and accounts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (ID.lower(), ID),
        ("'" + ID, ID),
        ("１１０１０５１９４９１２３１００２Ｘ", ID),
        ("1101051949\u00a01231 002x\u200b", ID),
        ("\ufeff" + ID + "\r\n", ID),
        ("\u202d" + ID + "\u202c", ID),
        ("110105491231002", "110105491231002"),
        ("110105491231002.0", "110105491231002"),
    ],
)
def test_ids_as_people_type_them(make_xlsx: Make, typed: str, meant: str) -> None:
    assert first(make_xlsx([HEADER, ["冉", typed, "1"]]))["beneficiary_id"] == meant


@pytest.mark.parametrize(
    "cell", [500243199001011234, 5.0024319900101e17, "5.00243E+17", "'5.00243e+17", " 5E+17"]
)
def test_destroyed_digits_are_told_in_every_way_of_writing(make_xlsx: Make, cell: Any) -> None:
    row = first(make_xlsx([HEADER, ["冉", cell, "1"]]))
    assert row["beneficiary_id"] is None
    assert "beneficiary_id" in row["lost_fields"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ln-2026 ａ１", "LN-2026A1"),
        ("LN—2026A1", "LN-2026A1"),
        ("'地块\u300012", "地块12"),
        ("小班(一)", "小班(一)"),
        (12, "12"),
    ],
)
@pytest.mark.parametrize("form", [DISBURSEMENT, ROSTER])
def test_one_object_is_one_object_however_it_is_typed(
    make_xlsx: Make, typed: Any, meant: str, form: Any
) -> None:
    """Else 一机一补 and the plot that two claim are passed by in small letters or in full width."""
    header = [*HEADER, "出厂编号", "起始日期"]
    row = first(make_xlsx([header, [*LINE, typed, "2026-01-01"]]), form)
    assert (row["object_key"], row["lost_fields"]) == (meant, [])


def test_a_plot_number_that_excel_destroyed_is_told(make_xlsx: Make) -> None:
    """19 digits as a number: all plots of a village would be one."""
    row = first(make_xlsx([[*HEADER, "地块编码"], [*LINE, 5002431002010100001]]))
    assert (row["object_key"], row["lost_fields"]) == (None, ["object_key"])


def test_a_number_of_15_digits_is_whole(make_xlsx: Make) -> None:
    assert first(make_xlsx([HEADER, ["冉", 110105491231002, 1]]))["lost_fields"] == []


def test_a_number_written_at_full_length_in_hand_made_xml_is_lost_too(make_xlsx: Make) -> None:
    made = repacked(
        make_xlsx([HEADER, ["冉", 7, 1]]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace("<v>7</v>", "<v>500243199001011234</v>"),
    )
    assert first(made)["lost_fields"] == ["payee_id", "beneficiary_id"]


def test_inline_strings_of_hand_made_xml_are_text(make_xlsx: Make) -> None:
    made = repacked(
        make_xlsx([HEADER, ["冉", 7, 1]]),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(
            '<c r="B2"><v>7</v></c>', f'<c r="B2" t="inlineStr"><is><t>{ID}</t></is></c>'
        ),
    )
    assert first(made)["beneficiary_id"] == ID


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dot", "·•‧・．.･∙")
def test_a_dot_of_any_shape_is_one_dot(make_xlsx: Make, dot: str) -> None:
    row = first(make_xlsx([HEADER, [f"麦麦提{dot}吐尔逊", ID, "1"]]))
    assert row["beneficiary_name"] == "麦麦提·吐尔逊"


def test_rare_characters_stay_as_they_are(make_xlsx: Make) -> None:
    rows = [HEADER, *([name, ID, "1"] for name in ("向𠮷", "㛃䶮", "𫖯", "向\ue863"))]
    names = read(make_xlsx(rows)).frame["beneficiary_name"].to_list()
    assert names == ["向𠮷", "㛃䶮", "𫖯", "向\ue863"]


# -- the shape of the sheet -----------------------------------------------------------------------


def test_a_header_of_three_merged_rows() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:G1", "补贴发放清册")
        sheet.merge_range("A2:A4", "序号")
        sheet.merge_range("B2:E2", "人员信息")
        sheet.merge_range("B3:C3", "户主")
        sheet.merge_range("D3:E3", "享受人")
        for cell, text in (("B4", "姓名"), ("C4", "身份证号"), ("D4", "姓名"), ("E4", "身份证号")):
            sheet.write_string(cell, text)
        sheet.merge_range("F2:F4", "面积")
        sheet.merge_range("G2:G4", "金额")
        for at, value in enumerate(["1", "谭明", OTHER, "冉光荣", ID, "3.2", "5"]):
            sheet.write_string(4, at, value)
    sheet_read = read(out.getvalue())
    row = sheet_read.frame.row(0, named=True)
    assert sheet_read.header_row == 4
    assert (row["head_name"], row["head_id"]) == ("谭明", OTHER)
    assert (row["beneficiary_name"], row["beneficiary_id"]) == ("冉光荣", ID)
    assert (row["quantity"], row["amount"]) == ("3.2", "5")


@pytest.mark.parametrize("word", ["户主", "代领人", "房屋", "社"])
@pytest.mark.parametrize("header", ["其他情况", None])
@pytest.mark.parametrize("amount", [5, "5", "￥1,200.00元"])
def test_the_first_line_is_no_second_row_of_the_header(
    make_xlsx: Make, word: str, header: str | None, amount: Any
) -> None:
    rows = [[*HEADER, header], ["冉光荣", ID, amount, word], ["谭", OTHER, 1, word]]
    sheet = read(make_xlsx(rows))
    assert sheet.header_row == 1
    assert sheet.frame["beneficiary_name"].to_list() == ["冉光荣", "谭"]
    # where its number is masked, or missing, too
    rows[1][1] = "110105********002X"
    assert read(make_xlsx(rows)).frame.height == 2
    rows[1][1] = None
    assert read(make_xlsx(rows)).frame.height == 2


def test_years_in_the_second_row_of_a_header_are_no_line(make_xlsx: Make) -> None:
    upper = ["享受人", None, "面积", None, "补贴"]
    lower = ["姓名", "身份证号", 2025, "2026", "金额（元）"]
    row = first(make_xlsx([upper, lower, ["冉光荣", ID, 2, 2, 3]]))
    assert (row["row"], row["beneficiary_name"], row["amount_fen"]) == (3, "冉光荣", 300)


def test_a_second_list_in_the_workbook_is_never_passed_over_in_silence(make_xlsx: Make) -> None:
    sheet = read(make_xlsx([["说明"]], [HEADER, LINE], [HEADER], [HEADER, ["谭", OTHER, "1"]]))
    assert sheet.frame.height == 1
    (notice,) = sheet.notices
    assert notice.rule == "SH-1"
    assert "Sheet4" in notice.message


def test_hidden_sheets_are_not_read(make_xlsx: Make) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(HEADER)
    book.worksheets[0].append(["旧", OTHER, "1"])
    book.worksheets[0].sheet_state = "hidden"
    shown = book.create_sheet("名单")
    shown.append(HEADER)
    shown.append(LINE)
    out = io.BytesIO()
    book.active = 1
    book.save(out)
    assert read(out.getvalue()).frame["beneficiary_name"].to_list() == ["冉光荣"]


# -- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2022.3.5", "2022-03-05"),
        ("2022-03-05", "2022-03-05"),
        ("2022/3/5", "2022-03-05"),
        ("20220305", "2022-03-05"),
        ("2022年3月5日", "2022-03-05"),
        ("2022年3月", "2022-03-01"),
        ("２０２２．３．５", "2022-03-05"),
        (44625, "2022-03-05"),
        (datetime(2022, 3, 5), "2022-03-05"),  # noqa: DTZ001 - a cell has no zone
        (20220305, "2022-03-05"),
        ("202203", "2022-03-01"),
        # not one meaning only: left for a person
        ("2022111", "2022111"),
        ("3/5/2022", "3/5/2022"),
        ("05-03-22", "05-03-22"),
        ("2022-02-30", "2022-02-30"),
    ],
)
def test_dates_in_every_shape(typed: Any, meant: str) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["身份证号", "姓名", "死亡日期"])
    book.worksheets[0].append([ID, "冉", typed])
    out = io.BytesIO()
    book.save(out)
    assert first(out.getvalue(), ROSTER)["since"] == meant


def test_a_workbook_that_counts_from_1904() -> None:
    out = io.BytesIO()
    options = {"in_memory": True, "date_1904": True}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet()
        for at, text in enumerate(["身份证号", "姓名", "死亡日期"]):
            sheet.write_string(0, at, text)
        sheet.write_string(1, 0, ID)
        sheet.write_string(1, 1, "冉")
        sheet.write_datetime(1, 2, date(2022, 3, 5), book.add_format({"num_format": "yyyy-mm-dd"}))
    assert first(out.getvalue(), ROSTER)["since"] == "2022-03-05"


@pytest.mark.parametrize("stroke", ["/", "\\", "—", "——", "-", "－", "无", "N/A", "n/a", " / "])
def test_a_stroke_is_an_empty_cell(make_xlsx: Make, stroke: str) -> None:
    """Else every plot called / would be one plot, and a phone without a number everybody's."""
    fields = {"标的编号": "object_key", "补贴面积": "quantity", "补贴标准": "standard",
              "月数": "months", "联系电话": "phone", "银行账号": "account_no"}  # fmt: skip
    header = [*HEADER, *fields, "户主姓名", "户主身份证号", "备注"]
    row = first(make_xlsx([header, [*LINE, *[stroke] * len(fields), "冉光荣", stroke, stroke]]))
    assert {name: row[name] for name in fields.values()} == dict.fromkeys(fields.values())
    assert row["head_id"] is None
    assert row["remark"] == stroke.strip()
    assert row["lost_fields"] == []


# -- money ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "fen"),
    [
        ("1,200.00元", 120000),
        ("￥1,200", 120000),
        ("¥ 1200.5", 120050),
        ("１２００．５０", 120050),
        ("1.2万元", 1200000),
        ("0.00012万", 120),
        (941.3000000000001, 94130),
        ("(1,200)", None),
        ("-5", None),
        ("12,34", None),
        ("1.234", None),
        ("壹佰元", None),
    ],
)
def test_amounts(make_xlsx: Make, typed: Any, fen: int | None) -> None:
    sheet = read(make_xlsx([HEADER, ["冉", ID, typed]]))
    assert sheet.frame["amount_fen"].to_list() == [fen]


def test_units_are_stripped_with_notice_only(make_xlsx: Make) -> None:
    sheet = read(make_xlsx([HEADER, ["冉", ID, "1.2万元"], LINE, ["谭", OTHER, "￥6元"]]))
    assert sheet.fixed == {"amount": 2}
    (notice,) = sheet.notices
    assert (notice.row, notice.field, notice.rule) == (None, "amount", "UN-1")
    assert "2 处带单位、符号或全角数字（第 2、4 行）" in notice.message
    sheet = read(make_xlsx([["姓名", "身份证号", "金额（万元）"], ["冉", ID, 0.12]]))
    assert sheet.frame["amount_fen"].to_list() == [120000]
    assert [notice.rule for notice in sheet.notices] == ["UN-1"]
    sheet = read(make_xlsx([["姓名", "身份证号", "金额（元）"], ["冉", ID, 0.12]]))
    assert sheet.frame["amount_fen"].to_list() == [12]


# -- codes and places -----------------------------------------------------------------------------


def test_codes_beside_words_are_understood(make_xlsx: Make) -> None:
    header = ["户主姓名", "户主身份证号", *HEADER[:2], "村(居)委会", "状态", "与户主关系"]
    for status in ("1-正常", "正常", "1－正常", "01正常"):
        line = ["谭", OTHER, "冉", ID, "500243103205-大青村", status, "02妻子"]
        row = first(make_xlsx([header, line]), ACCOUNT_COLLECTION)
        assert (row["status"], row["village"], row["relation"]) == ("正常", "大青村", "妻子")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("10组", "10组"), ("05社", "05社"), ("12村民小组", "12村民小组"), ("1-3组", "1-3组"),
     ("3、4组", "3、4组"), ("80岁以上", "80岁以上"), ("0103-三组", "三组"), ("2-三组", "三组"),
     ("500243103205-3组", "3组"), ("03社会散居", "社会散居"), ("10其他", "其他")],
)  # fmt: skip
def test_a_number_that_says_something_is_no_code(make_xlsx: Make, typed: str, meant: str) -> None:
    row = first(make_xlsx([[*HEADER, "组", "等级"], [*LINE, typed, typed]]))
    assert (row["group"], row["grade"]) == (meant, meant)


# -- columns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["社保卡账号", "社会保障卡号", "社保卡卡号", "银行卡（折）号"])
def test_an_account_column_is_known_by_its_card(make_xlsx: Make, header: str) -> None:
    sheet = read(make_xlsx([[*HEADER, header], [*LINE, "6228480402564890018"]]))
    assert sheet.frame["account_no"].to_list() == ["6228480402564890018"]
    assert not sheet.notices


def test_a_guess_is_told_as_what_it_may_be_and_only_where_it_helps(make_xlsx: Make) -> None:
    sheet = read(make_xlsx([[*HEADER, "老社保卡账号2"], [*LINE, "6228480402564890018"]]))
    (notice,) = sheet.notices
    assert "像是银行账号" in notice.message
    assert "不影响办理" not in notice.message
    with pytest.raises(MissingColumns, match="缺少必需的列：补贴金额。请补上后重新上传。"):
        read(make_xlsx([["姓名", "身份证号", "老社保卡账号2"], ["冉", ID, "6228480402564890018"]]))


def test_a_column_that_only_resembles_one_is_asked_about_and_never_taken(make_xlsx: Make) -> None:
    made = make_xlsx([["姓名", "身份证号", "本年补贴金额合计数", "幸运数字"], ["冉", ID, 5, 7]])
    with pytest.raises(MissingColumns, match="本年补贴金额合计数”一列像是补贴金额") as caught:
        read(made)
    assert caught.value.missing == ("amount",)
    ways = {column.label: (column.field, column.how) for column in caught.value.mapped}
    assert ways["本年补贴金额合计数"] == ("amount", "guessed")
    assert ways["幸运数字"] == (None, "unknown")
    assert ways["姓名"] == ("person_name", "known")
    assert "请补上后" not in str(caught.value)
    sheet = read(made, mapping={"本年补贴金额合计数": "amount"})
    assert sheet.frame["amount_fen"].to_list() == [500]
    assert [column.how for column in sheet.mapped] == ["known", "known", "told", "unknown"]


def test_what_a_person_said_goes_before_the_form_s_own_words(make_xlsx: Make) -> None:
    made = make_xlsx([["姓名", "身份证号", "金额", "核定数"], ["冉", ID, 5, 7]])
    assert read(made, mapping={"核定数": "amount"}).frame["amount"].to_list() == ["7"]
    assert read(made, mapping={"核定数": ""}).frame["amount"].to_list() == ["5"]


@pytest.mark.long
def test_files_that_libreoffice_wrote(make_xlsx: Make, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    assert office is not None, "缺少 LibreOffice（soffice），请安装软件包 libreoffice-calc。"
    (tmp_path / "a.xlsx").write_bytes(make_xlsx([HEADER, LINE, ["谭", 5.0024e17, 3.5]]))
    # without a locale its CSV is ASCII and the Chinese is gone: a person picks UTF-8 (76) there
    filters = {"xls": "xls", "xlsx": "xlsx", "csv": "csv:Text - txt - csv (StarCalc):44,34,76"}
    for kind, written_as in filters.items():
        subprocess.run(
            [office, "--headless", "--convert-to", written_as, "--outdir", tmp_path / "out",
             tmp_path / "a.xlsx"],
            check=True, capture_output=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        frame = read_sheet(tmp_path / "out" / f"a.{kind}", DISBURSEMENT).frame
        assert frame["beneficiary_id"].to_list() == [ID, None]
        assert frame["amount_fen"].to_list() == [500, 350]
