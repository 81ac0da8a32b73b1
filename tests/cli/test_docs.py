"""docs/generated/ says what the program holds, and a stale page is named."""

from __future__ import annotations

from pathlib import Path

from yikatong.cli.docs import check_docs, main, rendered, write_docs
from yikatong.law.apply import matrix
from yikatong.validation.row_rules import ROW_RULES
from yikatong.validation.rulebook import laws


def test_a_written_folder_is_fresh_and_the_same_bytes_come_again(tmp_path: Path) -> None:
    assert write_docs(tmp_path) == sorted(rendered())
    assert check_docs(tmp_path) == []
    assert write_docs(tmp_path) == []


def test_a_changed_a_missing_and_a_foreign_page_are_named(tmp_path: Path) -> None:
    write_docs(tmp_path)
    (tmp_path / "rules.md").write_text("手工改过", encoding="utf-8")
    (tmp_path / "journeys.md").unlink()
    (tmp_path / "old.md").write_text("", encoding="utf-8")
    assert check_docs(tmp_path) == ["journeys.md", "old.md", "rules.md"]
    write_docs(tmp_path)
    assert check_docs(tmp_path) == []
    assert not (tmp_path / "old.md").exists()


def test_every_rule_and_every_grant_is_told() -> None:
    pages = rendered()
    for rule in (*ROW_RULES, *laws()):
        assert f"| {rule.code} |" in pages["rules.md"]
    for grants in matrix():
        assert f"| `{grants.table}` |" in pages["permissions.md"]


def test_the_committed_pages_are_fresh() -> None:
    assert main(check=True) == 0
