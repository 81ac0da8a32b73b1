"""What stands above and below the lines of a list: ghost rows, totals, signatures, notes."""

from collections.abc import Callable
from typing import Any

import pytest

from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_forms import DISBURSEMENT

ID = "11010519491231002X"
HEADER = ["姓名", "身份证号", "金额"]
LINE = ["冉光荣", ID, "5"]
Make = Callable[..., bytes]


def read(content: bytes) -> Sheet:
    return read_sheet(content, DISBURSEMENT, name="名单.xlsx")


@pytest.mark.parametrize(
    "captions",
    [
        [["（元）", None, "（亩）", None]],
        [["1", "2", "3", "4=3×1"]],
        [[1, 2, 3, 4]],
        [["甲", "乙", "（1）", "（2）=（1）×100"]],
        [["元", None, "亩", None], [1, 2, 3, 4]],
    ],
)
def test_units_and_column_numbers_below_the_header_are_no_lines(
    make_xlsx: Make, captions: list[list[Any]]
) -> None:
    header = ["金额", "身份证号", "面积", "姓名"]
    lines = [[5, ID, 2, "冉光荣"], [6, None, 3, None]]
    sheet = read(make_xlsx([header, *captions, *lines]))
    assert sheet.frame["row"].to_list() == [2 + len(captions), 3 + len(captions)]
    assert sheet.frame["amount_fen"].to_list() == [500, 600]
    assert sheet.notices == ()


def test_a_short_line_of_text_below_the_header_is_read_too() -> None:
    text = f"姓名,备注,金额,身份证号\n元\n1\n冉,,5,{ID}\n"
    sheet = read_sheet(text.encode(), DISBURSEMENT, name="a.csv")
    assert sheet.frame["row"].to_list() == [3, 4]


@pytest.mark.parametrize("first", [[5, None, 2, None], ["5", "1", None, "冉"], [None, ID, 2, None]])
def test_a_line_that_lacks_much_is_no_caption(make_xlsx: Make, first: list[Any]) -> None:
    rows = [["金额", "身份证号", "面积", "姓名"], first, [6, ID, 3, "冉光荣"]]
    assert read(make_xlsx(rows)).frame["row"].to_list() == [2, 3]


def test_ten_thousands_below_the_header_count_too(make_xlsx: Make) -> None:
    rows = [HEADER, [None, None, "（万元）"], ["冉光荣", ID, 0.12]]
    sheet = read(make_xlsx(rows))
    assert sheet.frame["amount_fen"].to_list() == [120000]
    assert [notice.rule for notice in sheet.notices] == ["UN-1"]


@pytest.mark.parametrize("title", ["单位：万元", "填报单位：某镇   金额单位: 人民币万元"])
def test_ten_thousands_in_a_title_count_where_no_header_says_otherwise(
    make_xlsx: Make, title: str
) -> None:
    header = [*HEADER[:2], "金额", "补贴标准（元）"]
    rows = [["清册"], [None, None, title], header, ["冉光荣", ID, 0.12, 1200]]
    sheet = read(make_xlsx(rows))
    assert sheet.frame["amount_fen"].to_list() == [120000]
    assert sheet.frame["standard"].to_list() == ["1200"]
    assert [notice.rule for notice in sheet.notices] == ["UN-1"]


def test_ghost_rows_and_the_total_below_them(make_xlsx: Make) -> None:
    rows = [HEADER, LINE, *([None, " ", ""] for _ in range(3000)), ["合计", None, 6]]
    sheet = read(make_xlsx(rows))
    assert sheet.frame.height == 1
    assert sheet.totals is not None
    assert (sheet.totals.row, sheet.totals.stated_fen, sheet.totals.sum_fen) == (3003, 600, 500)
    assert "相差" in sheet.notices[0].message


@pytest.mark.parametrize(
    "tail", ["合  计", "总计：", "制表人：李霞", "审核人: 何芳", "注：按公示结果"]
)
def test_tails_are_no_lines(make_xlsx: Make, tail: str) -> None:
    assert read(make_xlsx([HEADER, LINE, [tail, "", "5"]])).frame.height == 1


@pytest.mark.parametrize(
    "note",
    ["2.请核对后上报", "（盖章）", "单位（盖章）：某镇人民政府", "镇长签字：", "联系电话：023-1234",
     "此表一式三份", "以下空白", "第1页 共2页"],
)  # fmt: skip
def test_notes_below_the_list_are_no_lines(make_xlsx: Make, note: str) -> None:
    for at in range(3):
        rows = [HEADER, LINE, [*[None] * at, note]]
        assert read(make_xlsx(rows)).frame["row"].to_list() == [2]


def test_a_row_with_the_number_of_a_person_is_a_line_whatever_it_begins_with(
    make_xlsx: Make,
) -> None:
    header = ["备注", *HEADER]
    first = [["说明：低保户", *LINE], ["合计", *LINE], ["（盖章）", None, ID, None]]
    assert read(make_xlsx([header, *first])).frame["row"].to_list() == [2, 3, 4]
    # and one with nothing but a name, or with its place and its money, waits for what it lacks
    rows = [header, *first, [None, "谭明", None, None], ["2.鼓楼", "谭明", None, 5]]
    assert read(make_xlsx(rows)).frame["row"].to_list() == [2, 3, 4, 5, 6]


def test_a_total_beside_the_names_is_one(make_xlsx: Make) -> None:
    header = ["序号", "乡镇", "村", "组", *HEADER]
    rows = [header, [1, "汉葭", "鼓楼", "1组", *LINE], [*[None] * 4, "合计", "1人", 6]]
    sheet = read(make_xlsx(rows))
    assert sheet.frame["row"].to_list() == [2]
    assert sheet.totals is not None
    assert (sheet.totals.row, sheet.totals.stated_fen, sheet.totals.sum_fen) == (3, 600, 500)


@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        ([("合计", 8), 3, 5], []),  # above the lines
        ([("合计", 9), 3, 5], [(2, 900, 800)]),
        ([("合计", 8), 3, 5, ("合计", 8)], []),
        ([3, ("合计", 3), 5, ("合计", 5), ("总计", 8)], []),  # by village, then all
        ([3, ("小计", 3), 5, ("小计", 5), ("合计", 8)], []),
        ([3, ("合计", 3), 5, ("合计", 8)], []),  # carried forward
        ([3, ("合计", 3), 5, ("合计", 6), ("总计", 9)], [(5, 600, 800), (6, 900, 800)]),
    ],
)
def test_each_total_is_verified_against_its_lines(
    make_xlsx: Make, amounts: list[Any], told: list[tuple[int, int, int]]
) -> None:
    rows = [["冉", ID, one] if isinstance(one, int) else [one[0], None, one[1]] for one in amounts]
    sheet = read(make_xlsx([HEADER, *rows]))
    said = [notice.row for notice in sheet.notices if notice.rule == "TOT-1"]
    assert said == [row for row, _, _ in told]
    assert sheet.totals is not None
    found = (sheet.totals.row, sheet.totals.stated_fen, sheet.totals.sum_fen)
    assert found == told[0] if told else not sheet.totals.differs


def test_a_name_that_begins_like_a_tail_is_a_person(make_xlsx: Make) -> None:
    names = ["单小平", "合木提", "主父强", "小计生"]
    rows = [["序号", *HEADER], *([n, name, ID, "1"] for n, name in enumerate(names))]
    assert read(make_xlsx(rows)).frame["beneficiary_name"].to_list() == names
