"""Every row rule: a line that breaks it, and a neighbour that must not be blamed."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yikatong.kernel.card import is_luhn
from yikatong.kernel.errors import Refused
from yikatong.kernel.resident_id import ResidentId, check_character
from yikatong.submission.sheets import read_sheet
from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.validation.row_rules import FINDING, ROW_RULES, examine

TODAY = date(2026, 11, 22)
WOMAN, MAN = "11010519491231002X", "440524188001010014"
GOOD: dict[str, Any] = {
    "row": 12,
    "beneficiary_name": "冉光荣",
    "beneficiary_id": WOMAN,
    "payee_name": "冉光荣",
    "payee_id": WOMAN,
    "head_id": None,
    "account_no": "6228480402564890018",
    "account_kind": None,
    "sex": None,
    "quantity": None,
    "standard": None,
    "months": None,
    "since": None,
    "amount": "120.50",
    "amount_fen": 12050,
    "lost_fields": [],
}
SCHEMA = (
    dict.fromkeys(GOOD, pl.String)
    | {"row": pl.Int64, "amount_fen": pl.Int64, "lost_fields": pl.List(pl.String)}
)  # fmt: skip


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([GOOD | change for change in changes], schema=SCHEMA)


def person(number: str | None) -> dict[str, Any]:
    return {"beneficiary_id": number, "payee_id": number}


def made_id(born: str, region: str = "500243", sequence: str = "012") -> str:
    body = region + born + sequence
    return body + check_character(body)


def rules(change: dict[str, Any], **options: Any) -> set[tuple[str, str]]:
    found = examine(frame(change), on=TODAY, **options)
    return set(zip(found["rule"], found["severity"], strict=True))


def test_a_sound_line_has_no_finding() -> None:
    found = examine(frame({}), on=TODAY)
    assert found.is_empty()
    assert found.schema == FINDING


CARD_WRONG = "6228480402564890019"
HITS = [
    ("DG-1", "block", {"lost_fields": ["beneficiary_id"], **person(None)}),
    ("DG-1", "block", {"lost_fields": ["account_no"], "account_no": None}),
    ("RQ-1", "block", person(None)),
    ("RQ-1", "block", {"amount": None, "amount_fen": None}),
    ("ID-1", "block", person(WOMAN[:-1] + "1")),
    ("ID-1", "block", person(WOMAN[:-1])),
    ("ID-1", "block", person("1101051949123100ＡX")),
    ("ID-2a", "block", person(made_id("20261123"))),
    ("ID-2a", "block", person(made_id("19500230"))),
    ("ID-2a", "block", person(made_id("19051122"))),
    ("ID-2a", "block", person("110105501331002")),
    ("ID-2b", "confirm", {"sex": "男"}),
    ("ID-2b", "confirm", {"sex": "女", **person(made_id("19600101", sequence="011"))}),
    ("ID-3", "confirm", person("110105491231002")),
    ("ID-4", "info", person(made_id("19600101", region="990243"))),
    ("AC-5", "info", {"account_no": CARD_WRONG}),
    ("AC-5", "info", {"account_no": "1234567"}),
    ("AC-5", "info", {"account_no": "62284804O2564890018"}),
    ("AM-2", "block", {"amount": "0", "amount_fen": 0}),
    ("AM-2", "block", {"amount": "1.234", "amount_fen": None}),
    ("AM-2", "block", {"amount": "-5", "amount_fen": None}),
    ("NU-1", "block", {"quantity": "三亩"}),
    ("NU-1", "block", {"quantity": "-1"}),
    ("NU-1", "block", {"standard": "13.07095201"}),
    ("NU-1", "block", {"months": "1.5"}),
    ("NU-1", "block", {"months": "121"}),
    ("NU-2", "info", {"quantity": "12.3456"}),
    ("DT-1", "block", {"since": "2022-02-30"}),
    ("NC-1", "confirm", {"beneficiary_name": "向\ue863"}),
    ("NC-1", "confirm", {"payee_name": "向?"}),
]
NEIGHBOURS = [
    ("DG-1", {"account_no": None}),
    ("RQ-1", {"lost_fields": ["beneficiary_id", "payee_id"], **person(None)}),
    ("RQ-1", {"account_no": None, "head_id": None}),
    ("ID-1", person("110105491231002")),
    ("ID-2a", person(made_id("20261122"))),
    ("ID-2a", person(made_id("19051123"))),
    ("ID-2a", person(made_id("20240229"))),
    ("ID-2b", {"sex": "女"}),
    ("ID-2b", {"sex": "不详"}),
    ("ID-2b", {"sex": "1", **person(made_id("19600101", sequence="011"))}),
    ("ID-3", person(WOMAN)),
    ("ID-4", person(made_id("19600101", region="513522"))),
    ("ID-4", person(made_id("19600101", region="522229"))),
    ("AC-5", {"account_no": CARD_WRONG, "account_kind": "存折"}),
    ("AC-5", {"account_no": "12345678"}),
    ("AM-2", {"amount": "0.01", "amount_fen": 1}),
    ("NU-1", {"quantity": "1.2345678"[:9]}),
    ("NU-1", {"quantity": "12.34567890123"}),
    ("NU-1", {"standard": "124.9788302"}),
    ("NU-1", {"months": "12.0"}),
    ("NU-2", {"quantity": "12.345000"}),
    ("DT-1", {"since": "2024-02-29"}),
    ("NC-1", {"beneficiary_name": "麦麦提·吐尔逊𠮷"}),
    ("PH-1", {}),
]


@pytest.mark.parametrize(("code", "severity", "change"), HITS)
def test_a_breach_is_found(code: str, severity: str, change: dict[str, Any]) -> None:
    assert (code, severity) in rules(change)


@pytest.mark.parametrize(("code", "change"), NEIGHBOURS)
def test_a_neighbour_is_not_blamed(code: str, change: dict[str, Any]) -> None:
    assert code not in {rule for rule, _ in rules(change)}


def test_every_rule_has_a_breach_and_a_neighbour() -> None:
    codes = {rule.code for rule in ROW_RULES}
    hit = {code for code, _, _ in HITS} | {"PH-1"}  # PH-1 needs several lines: below
    assert codes == hit == {code for code, _ in NEIGHBOURS}


def test_the_sentence_tells_row_name_and_what_to_do_and_hides_the_number() -> None:
    wrong = WOMAN[:-1] + "1"
    (finding,) = examine(frame({"row": 12, **person(wrong)}), on=TODAY).rows(named=True)
    assert finding["row"] == 12
    assert finding["field"] == "beneficiary_id"
    assert finding["message"] == (
        "第 12 行 冉光荣：身份证号 110105********0021 校验码不符。请对照身份证逐位核对后重录。"
    )
    found = examine(frame(*(change for _, _, change in HITS)), on=TODAY)
    for message in found["message"].to_list():
        assert message.endswith("。")
        assert "{" not in message
    assert not found["message"].str.contains(r"[0-9]{9,}").any()


def test_the_cap_is_a_setting() -> None:
    assert ("AM-2", "block") in rules({}, cap_fen=12049)
    assert not rules({}, cap_fen=12050)


def test_an_old_number_comes_with_its_check_character() -> None:
    found = examine(frame(person("110105491231002")), on=TODAY)
    assert "末位加 X" in found["message"][0]


def test_two_persons_of_a_line_are_told_apart() -> None:
    wrong = MAN[:-1] + "5"
    found = examine(frame({"payee_id": wrong, "head_id": wrong}), on=TODAY)
    assert found.filter(rule="ID-1")["field"].to_list() == ["payee_id"]


def test_a_form_without_amounts_or_accounts() -> None:
    lean = frame({}).select("row", "beneficiary_name", "beneficiary_id", "lost_fields")
    assert examine(lean, on=TODAY).is_empty()
    assert examine(lean.clear(), on=TODAY).is_empty()


def test_from_the_sheet_to_the_finding() -> None:
    text = "姓名,身份证号,补贴金额\n冉光荣,5.00E+17,5\n谭明,11010519491231002x,\n"
    found = examine(read_sheet(text.encode(), DISBURSEMENT, name="a.csv").frame, on=TODAY)
    assert found.select("row", "field", "rule").rows() == [
        (2, "beneficiary_id", "DG-1"), (3, "amount", "RQ-1")]  # fmt: skip


SHAPED = st.builds(
    lambda born, region, sequence, at, by: (
        made_id(f"{born:%Y%m%d}", region, sequence)[:at]
        + str(by)
        + made_id(f"{born:%Y%m%d}", region, sequence)[at + 1 :]
    ),
    st.dates(date(1890, 1, 1), date(2030, 12, 31)),
    st.sampled_from(["500243", "513522", "000000", "990243"]),
    st.from_regex(r"[0-9]{3}", fullmatch=True),
    st.integers(0, 17),
    st.integers(0, 9),
)


@settings(max_examples=15)
@given(st.lists(SHAPED, min_size=20, max_size=60))
def test_the_rules_and_the_value_agree(numbers: list[str]) -> None:
    lines = frame(*({"row": at, **person(number)} for at, number in enumerate(numbers)))
    blocked = set(examine(lines, on=TODAY).filter(severity="block")["row"])
    for at, number in enumerate(numbers):
        try:
            ResidentId.parse(number, on=TODAY)
        except Refused:
            assert at in blocked
        else:
            assert at not in blocked


@settings(max_examples=15)
@given(st.lists(st.from_regex(r"[0-9]{15,18}", fullmatch=True), min_size=5))
def test_luhn_agrees_with_the_value(bodies: list[str]) -> None:
    numbers = [body + str(digit) for body in bodies for digit in range(10)]
    lines = frame(*({"row": at, "account_no": n} for at, n in enumerate(numbers)))
    doubtful = set(examine(lines, on=TODAY)["row"])
    assert doubtful == {at for at, number in enumerate(numbers) if not is_luhn(number)}


@pytest.mark.parametrize(("people", "told"), [(3, 0), (4, 4)])
def test_more_than_three_people_on_one_phone(people: int, told: int) -> None:
    lines = frame(
        *({"row": at, **person(made_id("19600101", sequence=f"{at:03d}"))} for at in range(people))
    ).with_columns(phone=pl.lit("15412345678"))
    assert examine(lines, on=TODAY).filter(rule="PH-1").height == told
    assert (
        examine(lines.with_columns(pl.lit(WOMAN).alias("beneficiary_id")), on=TODAY)
        .filter(rule="PH-1")
        .is_empty()
    )


def test_the_item_names_its_own_columns() -> None:
    one = frame({"quantity": "-3"})
    (told,) = examine(one, on=TODAY, words={"quantity": "补贴面积"})["message"]
    assert "补贴面积应为不小于 0 的数字" in told
    (told,) = examine(one, on=TODAY)["message"]
    assert "数量应为不小于 0 的数字" in told
