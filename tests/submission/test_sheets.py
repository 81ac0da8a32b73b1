"""A clerk's sheet is understood as she meant it, and never silently changed."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import xlwt

from yikatong.kernel.errors import Refused
from yikatong.submission.sheets import Sheet, read_sheet
from yikatong.submission.sheets_door import BULK
from yikatong.submission.sheets_forms import ACCOUNT_COLLECTION, DISBURSEMENT, ROSTER

ID, OTHER = "11010519491231002X", "440524188001010014"
HEADER = ["序号", "姓名", "身份证号码", "银行卡号", "面积（亩）", "补贴标准", "补贴金额（元）*"]
LINE = [1, "冉光荣", ID, "6228480402564890018", 3.25, 73.6, 239.2]
Make = Callable[..., bytes]


def read(content: bytes | str, form: Any = DISBURSEMENT, name: str = "名单.xlsx") -> Sheet:
    return read_sheet(content if isinstance(content, bytes) else content.encode(), form, name=name)


def test_a_plain_sheet(make_xlsx: Make) -> None:
    sheet = read(make_xlsx([HEADER, LINE]))
    row = sheet.frame.row(0, named=True)
    assert row["row"] == 2
    assert row["beneficiary_name"] == row["payee_name"] == "冉光荣"
    assert row["beneficiary_id"] == row["payee_id"] == ID
    assert row["head_id"] is None
    assert (row["quantity"], row["standard"], row["amount"]) == ("3.25", "73.6", "239.2")
    assert row["amount_fen"] == 23920
    assert row["lost_fields"] == []
    assert sheet.labels["beneficiary_id"] == "身份证号码"
    assert not sheet.notices


def test_titles_above_tails_below_and_ghost_rows(make_xlsx: Make) -> None:
    rows = [
        ["2026年耕地地力保护补贴发放清册"],
        ["单位：汉葭街道", "", "", "日期：2026.3.5"],
        [],
        HEADER,
        LINE,
        [2, "谭明", OTHER, "", "", "", "￥1,200.00元"],
        [],
        [3],
        ["合 计", "", "", "", "", "", 1439.2],
        ["制表人：李霞", "", "", "审核人：何芳"],
    ]
    sheet = read(make_xlsx(rows))
    assert sheet.header_row == 4
    assert sheet.frame["row"].to_list() == [5, 6]
    assert sheet.frame["amount_fen"].to_list() == [23920, 120000]
    assert sheet.totals is not None
    assert not sheet.totals.differs
    assert sheet.fixed == {"amount": 1}


def test_a_total_that_differs_is_told(make_xlsx: Make) -> None:
    sheet = read(make_xlsx([HEADER, LINE, ["合计", "", "", "", "", "", 240]]))
    assert sheet.totals is not None
    assert sheet.totals.differs
    (notice,) = sheet.notices
    assert (notice.row, notice.rule) == (3, "TOT-1")
    assert "0.80" in notice.message


def test_two_row_merged_headers(make_xlsx: Make) -> None:
    top = ["序号", "户主", "", "收款人", "", "享受人", "", "银行账号", "补贴", "", "备注"]
    below = ["", "姓名", "身份证号", "姓名", "身份证号", "姓名", "身份证号", "", "标准", "金额", ""]
    line = [1, "谭明", OTHER, "谭明", OTHER, "冉光荣", ID, "123456789", "73.6", "736", "村民"]
    sheet = read(make_xlsx([["清册"], top, below, line]))
    row = sheet.frame.row(0, named=True)
    assert sheet.header_row == 3
    assert (row["head_name"], row["payee_id"], row["beneficiary_id"]) == ("谭明", OTHER, ID)
    assert (row["standard"], row["amount"], row["remark"]) == ("73.6", "736", "村民")


def test_destroyed_digits_are_lost_and_never_padded(make_xlsx: Make) -> None:
    rows = [
        HEADER,
        [1, "冉光荣", 500243199001011234, "6.22848E+18", 1, 1, 1],
        [2, "谭明", OTHER, 6228480402564890, 1, 1, 1],
        [3, "田芳", 110105491231002, 123456789012345, 1, 1, 1],
    ]
    sheet = read(make_xlsx(rows))
    frame = sheet.frame
    assert frame["lost_fields"].to_list() == [
        ["payee_id", "beneficiary_id", "account_no"],
        ["account_no"],
        [],
    ]
    assert frame["beneficiary_id"].to_list() == [None, OTHER, "110105491231002"]
    assert frame["account_no"].to_list() == [None, None, "123456789012345"]


@pytest.mark.parametrize(
    "encode",
    [
        lambda t: t.encode("utf-8"),
        lambda t: t.encode("utf-8-sig"),
        lambda t: t.encode("gb18030"),
        lambda t: t.encode("utf-16"),
    ],
)
def test_csv_in_every_coding(make_csv: Callable[..., str], encode: Callable[[str], bytes]) -> None:
    rows = [HEADER, [1, "向𠮷", "'" + ID.lower(), "6228 4804 0256 4890 018", "1", "2", "3.50"]]
    sheet = read(encode(make_csv(rows)), name="名单.csv")
    row = sheet.frame.row(0, named=True)
    assert row["beneficiary_name"] == "向𠮷"
    assert row["beneficiary_id"] == ID
    assert row["account_no"] == "6228480402564890018"
    assert row["amount_fen"] == 350


def test_csv_with_scientific_ids_is_lost_too(make_csv: Callable[..., str]) -> None:
    sheet = read(make_csv([HEADER, [1, "冉", "5.00E+17", "1", "1", "1", "1"]]), name="a.csv")
    assert "beneficiary_id" in sheet.frame["lost_fields"].to_list()[0]


def test_old_xls() -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("名单")
    for r, row in enumerate([HEADER, LINE, [2, "谭明", 5.0024319900101e17, "", "", "", 1]]):
        for c, value in enumerate(row):
            sheet.write(r, c, value)
    out = io.BytesIO()
    book.save(out)
    found = read(out.getvalue(), name="名单.xls").frame
    assert found["beneficiary_id"].to_list() == [ID, None]
    assert "beneficiary_id" in found["lost_fields"].to_list()[1]


def test_unknown_columns_are_set_aside_with_a_notice(make_xlsx: Make) -> None:
    sheet = read(
        make_xlsx(
            [[*HEADER, "幸运数字", "补助金额", "错误说明（系统填写）"], [*LINE, 7, 239.2, "x"]]
        )
    )
    assert [n.field for n in sheet.notices] == ["幸运数字", "补助金额"]
    assert all(n.severity == "info" for n in sheet.notices)
    assert sheet.frame["amount"].to_list() == ["239.2"]


@pytest.mark.parametrize("drop", [1, 2, 6])
def test_a_missing_required_column_refuses_in_a_sentence(make_xlsx: Make, drop: int) -> None:
    rows = [[cell for at, cell in enumerate(row) if at != drop] for row in (HEADER, LINE)]
    with pytest.raises(Refused, match=r"缺少必需的列：(姓名|身份证号|补贴金额)"):
        read(make_xlsx(rows))


def test_a_programme_may_require_more(make_xlsx: Make) -> None:
    form = DISBURSEMENT.requiring("quantity", "grade")
    with pytest.raises(Refused, match="：等级。"):
        read(make_xlsx([HEADER, LINE]), form)


def test_a_household_sheet_names_its_head(make_xlsx: Make) -> None:
    sheet = read(make_xlsx([["户主姓名", "户主身份证号", "金额"], ["谭明", OTHER, 5]]))
    row = sheet.frame.row(0, named=True)
    assert row["head_id"] == row["payee_id"] == row["beneficiary_id"] == OTHER


def test_the_bare_person_is_the_beneficiary_where_a_payee_stands_beside(make_xlsx: Make) -> None:
    header = ["姓名", "身份证号", "收款人", "收款人身份证号", "金额"]
    row = read(make_xlsx([header, ["冉小", ID, "谭明", OTHER, 5]])).frame.row(0, named=True)
    assert (row["beneficiary_id"], row["payee_id"]) == (ID, OTHER)


def test_the_first_sheet_with_a_header_counts(make_xlsx: Make) -> None:
    assert read(make_xlsx([["填写说明"], ["请填写"]], [HEADER, LINE])).frame.height == 1


def test_account_collection(make_xlsx: Make) -> None:
    header = [
        "状态",
        "户主姓名*",
        "户主身份证号*",
        "家庭成员姓名*",
        "身份证号*",
        "村(居)委会*",
        "村(居)民小组*",
        "联系电话",
        "与户主关系",
        "卡种",
        "银行账号",
        "开户银行",
        "监护人姓名",
        "监护人身份证号",
    ]
    line = [
        "1-正常",
        "谭明",
        OTHER,
        "冉·小",
        ID,
        "500243001001-鼓楼社区",
        "3组",
        19912345678,
        "03子",
        "储蓄卡",
        "6228480402564890018",
        "中国农业银行",
        "谭明",
        OTHER,
    ]
    sheet = read(make_xlsx([header, line]), ACCOUNT_COLLECTION)
    row = sheet.frame.row(0, named=True)
    assert (row["status"], row["relation"], row["village"]) == ("正常", "子", "鼓楼社区")
    assert (row["beneficiary_name"], row["guardian_id"]) == ("冉·小", OTHER)
    assert row["phone"] == "19912345678"
    assert "amount_fen" not in row
    assert not sheet.notices


def test_roster_dates_in_every_shape(make_xlsx: Make) -> None:
    dates = ["2022.3.5", "20220305", "2022年3月5日", "2022/3/5", "2022-03-05", "44625", "2022年3月"]
    rows = [["身份证号", "姓名", "死亡日期", "等级/类别"]]
    rows += [[ID, "冉光荣", typed, "1-一级"] for typed in dates]
    frame = read(make_xlsx(rows), ROSTER).frame
    assert frame["since"].to_list() == ["2022-03-05"] * 6 + ["2022-03-01"]
    assert set(frame["grade"]) == {"一级"}


def test_an_old_template_without_lines_is_refused(make_xlsx: Make) -> None:
    for rows in ([HEADER], [HEADER, [None, ""], ["合计", "", "", "", "", "", 0]]):
        with pytest.raises(Refused, match="没有数据"):
            read(make_xlsx(rows))
    with pytest.raises(Refused, match="没有找到"):
        read(make_xlsx([["随便", "写写"]]))


def test_many_rows_keep_their_numbers(make_csv: Callable[..., str]) -> None:
    rows = [HEADER] + [[n, "冉光荣", ID, "", "", "", f"{n}.01"] for n in range(1, 25_001)]
    sheet = read_sheet(make_csv(rows).encode(), DISBURSEMENT, name="a.csv", limits=BULK)
    assert sheet.frame["row"].to_list() == list(range(2, 25_002))
    assert sheet.frame["amount_fen"].sum() == sum(n * 100 + 1 for n in range(1, 25_001))
