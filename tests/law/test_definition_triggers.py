"""项目定义: the database itself refuses what was not tried, and who would confirm their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.law.owning import Owner, refused, value
from tests.validation.cast import DEPARTMENT, HERE

NEW = (
    "INSERT INTO catalogue_definition (county, department_no, code, version, state, content,"
    " digest, editors, made_by, made_at, confirmed_by, retired_by, reason)"
    " VALUES (%s, %s, 'NC09', 1, %s, '{\"a\": 1}', '', '{}', '甲', now(), '', '', '') RETURNING id"
)
TRIED = (
    "INSERT INTO validation_trial (county, unit_no, department_no, definition_id, digest,"
    " source_file_id, file_name, period, state, trouble, report, asked_by, asked_at)"
    " SELECT %s, 0, %s, %s, '', id, '样表.csv', '2026-09', 'DONE', '', '{}', '甲', now()"
    " FROM submission_sourcefile WHERE county = %s LIMIT 1 RETURNING id"
)
SET = "UPDATE catalogue_definition SET {} WHERE id = %s"


@pytest.fixture
def draft(owner: Owner) -> int:
    return int(value(owner, NEW, HERE, DEPARTMENT, "DRAFT"))


def tried(owner: Owner, draft: int) -> int:
    trial = int(value(owner, TRIED, HERE, DEPARTMENT, draft, HERE))
    owner.execute("UPDATE validation_trial SET state = 'DONE' WHERE id = %s", [trial])
    return trial


def acting(owner: Owner, who: str) -> None:
    owner.execute("SELECT set_config('ykt.user', %s, true)", [who])


def test_a_definition_is_born_a_draft_and_its_words_are_the_databases(
    owner: Owner, draft: int
) -> None:
    refused(owner, NEW, HERE, DEPARTMENT, "LIVE", match="只能是试填")
    told = owner.execute(
        "SELECT digest = sha256(convert_to(content::text, 'UTF8')), editors"
        " FROM catalogue_definition WHERE id = %s",
        [draft],
    ).fetchone()
    assert told == (True, ["甲"])


def test_nothing_is_skipped_between_draft_and_live(owner: Owner, draft: int) -> None:
    refused(owner, SET.format("state = 'LIVE'"), draft, match="不能从 DRAFT 变为 LIVE")
    refused(owner, SET.format("state = 'TESTED'"), draft, match="样表试查")
    refused(owner, SET.format("code = 'NC10'"), draft, match="不能修改")


def test_a_trial_is_queued_and_of_the_text_as_it_stands(owner: Owner, draft: int) -> None:
    trial = int(value(owner, TRIED, HERE, DEPARTMENT, draft, HERE))
    row: Any = owner.execute(
        "SELECT trial.state, trial.digest = definition.digest FROM validation_trial AS trial"
        " JOIN catalogue_definition AS definition ON definition.id = trial.definition_id"
        " WHERE trial.id = %s",
        [trial],
    ).fetchone()
    assert row == ("QUEUED", True), "nobody writes down a result in advance"
    refused(owner, SET.format("state = 'TESTED'"), draft, match="样表试查")
    owner.execute("UPDATE validation_trial SET state = 'DONE' WHERE id = %s", [trial])
    refused(
        owner, "UPDATE validation_trial SET report = '{\"a\":1}' WHERE id = %s", trial, match="已有"
    )


def test_an_edit_throws_the_trial_away_and_names_its_editor(owner: Owner, draft: int) -> None:
    tried(owner, draft)
    owner.execute(SET.format("state = 'TESTED'"), [draft])
    acting(owner, "乙")
    owner.execute(SET.format("content = '{\"a\": 2}', state = 'TESTED'"), [draft])
    row = owner.execute(
        "SELECT state, editors FROM catalogue_definition WHERE id = %s", [draft]
    ).fetchone()
    assert row == ("DRAFT", ["甲", "乙"])
    refused(owner, SET.format("state = 'TESTED'"), draft, match="样表试查")


def test_only_another_than_its_editors_confirms_in_their_own_name(owner: Owner, draft: int) -> None:
    tried(owner, draft)
    owner.execute(SET.format("state = 'TESTED'"), [draft])
    for who, named in (("甲", "甲"), ("甲", "丙"), ("丙", ""), ("丙", "丁")):
        acting(owner, who)
        live = SET.format(f"state = 'LIVE', confirmed_by = '{named}'")
        refused(owner, live, draft, match="不能自己确认")
    acting(owner, "丙")
    owner.execute(SET.format("state = 'LIVE', confirmed_by = '丙'"), [draft])
    refused(owner, SET.format("content = '{}'"), draft, match="另起新版本")
    owner.execute(SET.format("state = 'RETIRED'"), [draft])
    refused(owner, SET.format("state = 'LIVE'"), draft, match="不能从 RETIRED 变为 LIVE")
    refused(owner, TRIED, HERE, DEPARTMENT, draft, HERE, match="试填、试运行")


def test_a_row_of_the_list_needs_a_live_definition_at_the_end(owner: Owner, draft: int) -> None:
    row = (
        "INSERT INTO catalogue_requiredroster (county, programme_code, kind, severity,"
        " max_age_days, definition_id) VALUES (%s, %s, 'orphan', 'block', 30, %s)"
    )
    owner.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for code in ("NC09", "P01"):
        refused(owner, row, HERE, code, draft, match="没有生效")
    tried(owner, draft)
    owner.execute(SET.format("state = 'TESTED'"), [draft])
    acting(owner, "丙")
    owner.execute(SET.format("state = 'LIVE', confirmed_by = '丙'"), [draft])
    refused(owner, row, HERE, "P01", draft, match="没有生效")
    owner.execute(row, [HERE, "NC09", draft])
    gone = "DELETE FROM catalogue_requiredroster WHERE definition_id = %s"
    refused(owner, gone, draft, match="没有生效")
    owner.execute(SET.format("state = 'RETIRED'"), [draft])
    owner.execute(gone, [draft])
