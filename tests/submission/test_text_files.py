"""What .csv and other texts suffer from, and what becomes of it."""

from collections.abc import Callable

import pytest

from tests.submission.test_data_pains import HEADER, ID, OTHER, first, read
from yikatong.kernel.errors import Refused

MakeText = Callable[..., str]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
@pytest.mark.parametrize("is_quoted", [False, True])
def test_text_in_every_coding(make_csv: MakeText, encoding: str, *, is_quoted: bool) -> None:
    remark = 'a,"b"' if is_quoted else "a"
    rows = [[*HEADER, "备注"], ["向𠮷㐂", ID, "5", remark], ["谭", OTHER, "1", ""]]
    frame = read(make_csv(rows).encode(encoding), name="名单.csv").frame
    assert frame["beneficiary_name"].to_list() == ["向𠮷㐂", "谭"]
    assert frame["remark"].to_list() == [remark, None]
    assert frame["row"].to_list() == [2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize("name", ["冉\ue815", "冉\U00031350"])
def test_a_short_text_with_a_rare_name_is_no_noise(name: str, encoding: str) -> None:
    text = f"姓名,身份证号,金额\n{name},{ID},5\n"
    assert first(text.encode(encoding), name="a.csv")["beneficiary_name"] == name


def test_text_kept_as_text_by_a_formula_is_that_text() -> None:
    text = f'姓名,身份证号,银行账号,金额\n="冉",="{ID}",="6228480402564890018",="5"\n'
    row = first(text.encode("gb18030"), name="a.csv")
    assert (row["beneficiary_name"], row["beneficiary_id"]) == ("冉", ID)
    assert (row["account_no"], row["amount_fen"]) == ("6228480402564890018", 500)


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("sound", [0, 1, 20])
def test_a_comma_in_an_amount_never_makes_less_of_it(quote: str, sound: int) -> None:
    lines = f"{quote}谭{quote},{OTHER},5\n" * sound
    text = f"姓名,身份证号,金额\n{lines}冉,{ID},1,200.00\n"
    with pytest.raises(Refused, match=f"第 {sound + 2} 行的格数与表头不符"):
        read(text.encode(), name="a.csv")
    # quoted it is one cell; an empty one more is a habit of many programs
    quoted = text.replace("1,200.00", '"1,200.00",')
    assert read(quoted.encode(), name="a.csv").frame["amount_fen"][-1] == 120000


def test_text_with_tabs_blank_lines_and_short_lines_keeps_its_row_numbers() -> None:
    text = "清册\n\n姓名\t身份证号\t金额\t备注\r\n\n" + f"冉\t{ID}\t5\n\n谭\t{OTHER}\t6\tx\ty\n"
    assert read(text.encode(), name="a.csv").frame.select("row", "amount", "remark").rows() == [
        (5, "5", None), (7, "6", "x")]  # fmt: skip


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("split", ["1,200.00,", "1,200,", "1,200.00", "1,050.5元", "￥1,200.00,"])
def test_nor_does_a_comma_in_a_column_midway(quote: str, split: str) -> None:
    """The cell behind the number takes the rest of it, and the last, empty one falls over."""
    sound = f"{quote}谭{quote},{OTHER},5,补发\n"
    text = f"姓名,身份证号,金额,备注\n{sound}冉,{ID},{split}\n"
    with pytest.raises(Refused, match="第 3 行的格数与表头不符"):
        read(text.encode(), name="a.csv")


@pytest.mark.parametrize("line", ["5,200", "5,200室", "5,200.00.1", "5,", "5", "500,200,", "1200,"])
def test_what_only_resembles_it_is_read(line: str) -> None:
    """A remark of three digits; an empty cell more in each row, as many programs write it."""
    end = "," if line in {"500,200,", "1200,"} else ""
    header = "姓名,身份证号,金额,备注" if line != "500,200," else "姓名,身份证号,金额,数量,备注,"
    text = f"{header}{end}\n谭,{OTHER},5,{end}\n冉,{ID},{line}\n"
    assert read(text.encode(), name="a.csv").frame["beneficiary_name"].to_list() == ["谭", "冉"]
