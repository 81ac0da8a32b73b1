"""The rulebook refuses, loudly and at load, a file that an auditor could not rely on."""

from __future__ import annotations

import re

import pytest

from yikatong.submission.sheets_forms import DISBURSEMENT
from yikatong.validation.rulebook import FOLDER, laws, parse
from yikatong.validation.rules import BLOCK, SEVERITIES, VERDICT_OF, Outcome, rule_outcomes
from yikatong.validation.titles import rule_codes, titles_by_severity

HEADER = """-- code: XX-1
-- 名称: 测试
-- severity: block
-- basis: house
-- fixes: 镇街
-- field: amount
-- message: 金额 {amount_yuan} 元
-- example: 金额 5.00 元
"""
BODY = "SELECT line.line_id, line.amount_yuan FROM line"


def test_a_good_file_is_read_as_it_stands() -> None:
    law = parse("good.sql", HEADER + BODY + ";\n")
    assert (law.code, law.title, law.fixes) == ("XX-1", "测试", "镇街")
    assert law.columns == ("line_id", "amount_yuan")
    assert law.verdict == VERDICT_OF["block"]
    assert law.sql == BODY


@pytest.mark.parametrize(
    "key", ["code", "名称", "severity", "basis", "fixes", "field", "message", "example"]
)
def test_a_missing_key_is_refused(key: str) -> None:
    header = "".join(line for line in HEADER.splitlines(True) if f"-- {key}:" not in line)
    with pytest.raises(ValueError, match=key):
        parse("bad.sql", header + BODY)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (HEADER + "-- 备注: 无\n" + BODY, "unknown"),
        (HEADER.replace("block", "fatal") + BODY, "header"),
        (HEADER + BODY.replace("FROM line", "FROM submission_line AS line"), "submission_line"),
        (HEADER + BODY + " JOIN pg_roles AS r ON true", "pg_roles"),
        (HEADER + BODY.replace(", line.amount_yuan", ""), "amount_yuan"),
        (HEADER + BODY.replace("line.line_id, ", ""), "line_id"),
        (HEADER + "-- trimmed: 由{paying_unit}发放\n" + BODY, "paying_unit"),
        (HEADER + "-- trimmed: 由其他单位发放\n" + BODY, "unit_no"),
        (HEADER + "-- rosters: should\n" + BODY, "roster"),
        (HEADER.replace("5.00 元", "5.00") + BODY, "example"),
    ],
)
def test_what_an_auditor_could_not_rely_on_is_refused(content: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse("bad.sql", content)


def test_every_file_of_the_folder_is_a_law_and_one_file_speaks_per_severity() -> None:
    assert {law.file for law in laws()} == {path.name for path in FOLDER.glob("*.sql")}
    kinds = [(law.code, law.severity) for law in laws()]
    assert len(kinds) == len(set(kinds))


BOOK = """ID-1 ID-2a ID-2b ID-3 ID-4 DG-1 RG-1 NM-1 AC-0 AC-1 AC-2 AC-3 AC-4 AC-5 DU-1 DU-2 DU-3
MX-1 MX-2 MX-3 MX-4 AM-1 AM-2 AM-3 AM-4 RO-1 RO-2 RO-3 RO-4 AG-1 SY-1"""


def test_the_book_is_complete_and_has_no_codes_beside_it() -> None:
    """Ours at the door: a cell that must be filled, a number, a date, a lost character, a phone."""
    door = {"RQ-1", "NU-1", "NU-2", "DT-1", "NC-1", "PH-1"}
    # the total against its rounding (§9), and the town that a person is registered in (§13)
    ours = {"AM-6", "RG-2"}
    assert set(rule_codes()) == set(BOOK.split()) | door | ours


def test_every_rule_says_what_it_rests_on_and_who_puts_it_right() -> None:
    for law in laws():
        assert law.basis
        assert law.fixes
        assert law.severity in SEVERITIES
        assert "。" in law.message, f"{law.code} speaks no whole sentence"


def test_the_verdict_of_a_rule_is_the_worst_that_it_says() -> None:
    told = {
        ("AC-1", "阻断"): 2,
        ("AC-1", "未比对"): 5,
        ("RO-3", "待核"): 3,
        ("ID-4", "提示"): 7,
        ("AC-4", "已确认"): 1,
    }
    reads = {"RO-3": frozenset({"watch"}), "RO-2": frozenset({"stop"})}
    found = rule_outcomes(
        ("AC-1", "AC-4", "ID-4", "RO-2", "RO-3"), told, reads=reads, not_fresh=frozenset({"watch"})
    )
    assert found == {
        "AC-1": Outcome("阻断", 2),
        "AC-4": Outcome("通过", 1),
        "ID-4": Outcome("通过", 7),
        "RO-2": Outcome("通过", 0),
        "RO-3": Outcome("未比对", 0),
    }


def test_a_summary_never_calls_a_missing_answer_a_bad_one() -> None:
    titles = titles_by_severity()
    assert titles["AC-1", "info"] == titles["AC-1", "confirm"] == "银行尚无核验结果"
    assert titles["AC-1", "block"] == "银行核验不一致"
    assert titles["AM-2", "block"] == "金额不合规"


def test_every_rule_points_at_a_column_of_the_list() -> None:
    """Else the marked workbook could colour no cell for it."""
    columns = {field.name for field in DISBURSEMENT.fields} | {"beneficiary_name", "beneficiary_id"}
    for law in laws():
        assert law.field in columns | {"{cell}"}, law.file
    several = [law for law in laws() if law.field == "{cell}"]
    assert {(law.code, law.severity) for law in several} == {("AM-1", BLOCK), ("NM-1", BLOCK)}
    for law in several:
        assert set(re.findall(r"'(\w+)' AS cell", law.sql)) <= columns, law.file
