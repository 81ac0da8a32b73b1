"""The rulebook refuses, loudly and at load, a file that an auditor could not rely on."""

from __future__ import annotations

import pytest

from yikatong.validation.row_rules import ROW_RULES
from yikatong.validation.rulebook import FOLDER, laws, parse
from yikatong.validation.rules import SEVERITIES, VERDICT_OF

HEADER = """-- code: XX-1
-- 名称: 测试
-- severity: block
-- basis: house
-- fixes: 镇街
-- field: amount
-- message: 金额 {amount_yuan} 元
"""
BODY = "SELECT line.line_id, line.amount_yuan FROM line"


def test_a_good_file_is_read_as_it_stands() -> None:
    law = parse("good.sql", HEADER + BODY + ";\n")
    assert (law.code, law.title, law.fixes) == ("XX-1", "测试", "镇街")
    assert law.columns == ("line_id", "amount_yuan")
    assert law.verdict == VERDICT_OF["block"]
    assert law.sql == BODY


@pytest.mark.parametrize("key", ["code", "名称", "severity", "basis", "fixes", "field", "message"])
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
    ],
)
def test_what_an_auditor_could_not_rely_on_is_refused(content: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse("bad.sql", content)


def test_every_file_of_the_folder_is_a_law_with_a_code_of_its_own() -> None:
    assert {law.file for law in laws()} == {path.name for path in FOLDER.glob("*.sql")}
    codes = [law.code for law in laws()]
    assert len(codes) == len(set(codes))
    assert not set(codes) & {rule.code for rule in ROW_RULES}


def test_every_rule_says_what_it_rests_on_and_who_puts_it_right() -> None:
    for law in laws():
        assert law.basis
        assert law.fixes
        assert law.severity in SEVERITIES
        assert "。" in law.message, f"{law.code} speaks no whole sentence"
