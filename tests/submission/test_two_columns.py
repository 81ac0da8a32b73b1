"""Two columns of one meaning: the same is told, and what differs is for a person to say."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.submission.test_data_pains import ID, OTHER, read
from yikatong.submission.sheets import MissingColumns

Make = Callable[..., bytes]
BOTH = ["姓名", "身份证号", "应发金额", "实发金额"]


@pytest.mark.parametrize("left", [0, 2])
def test_two_amounts_that_differ_are_asked_about(make_xlsx: Make, left: int) -> None:
    """Else the first is paid, whichever it is."""
    rows = [BOTH, ["冉", ID, "5.00", "5"], ["谭", OTHER, 6, "￥4.00元"]]
    book = make_xlsx([[*[None] * left, *row] for row in rows])
    with pytest.raises(MissingColumns, match=r"“应发金额”和“实发金额”.*第 3 行内容不同") as asked:
        read(book)
    unsure = [column.label for column in asked.value.mapped if not column.is_sure]
    assert unsure == BOTH[2:]
    for told, fen in ({"应发金额": "amount", "实发金额": ""}, 600), (
        {"应发金额": "", "实发金额": "amount"}, 400,
    ):  # fmt: skip
        assert read(book, mapping=told).frame["amount_fen"][1] == fen


@pytest.mark.parametrize("other", ["5", "5.00", 5, "", None])
def test_two_that_say_the_same_are_not(make_xlsx: Make, other: Any) -> None:
    sheet = read(make_xlsx([BOTH, ["冉", ID, "5.0", other], ["合计", None, "5.0", "99"]]))
    assert sheet.frame["amount_fen"].to_list() == [500]
    assert [notice.rule for notice in sheet.notices] == ["COL-1"]


def test_nor_is_one_account_beside_another_taken_for_the_only_one(make_xlsx: Make) -> None:
    header = ["姓名", "身份证号", "银行账号", "社保卡账号", "金额"]
    with pytest.raises(MissingColumns, match="两列都像是银行账号"):
        read(make_xlsx([header, ["冉", ID, "6228480402564890018", "6217000000000000001", 5]]))
