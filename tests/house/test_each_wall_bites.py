"""Each wall has been seen to fall on a deliberate breach, and to stand beside its neighbour."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.urls import include, path

from tests.house import fences, registers, walls
from tests.house.tree import Tree

# put together, so that this file does not hold what the fence looks for
REGISTRY = ".".join(["pypi", "org"])
PLACE = "/".join(["", "root"])
LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 70
SUBMISSION = "yikatong/submission/actions.py"
REVIEW = "yikatong/review/actions.py"

# wall, where, a breach, a neighbour that must not hit
CASES = [
    (
        walls.only_the_journey_writes_a_status,
        REVIEW,
        "batch.status = 'READY'",
        "share.status = 'SENT'",
    ),
    (walls.only_the_journey_writes_a_status, REVIEW, "line.batch.status = s", "old = batch.status"),
    (
        walls.only_the_journey_writes_a_status,
        REVIEW,
        "setattr(batch, 'status', s)",
        "setattr(a, 'status', s)",
    ),
    (
        walls.only_the_journey_writes_a_status,
        REVIEW,
        "Batch.objects.filter(pk=1).update(status='READY')",
        "BankShare.objects.filter(batch=1).update(status='SENT')",
    ),
    (
        walls.only_the_journey_writes_a_status,
        REVIEW,
        "sql = 'UPDATE submission_batch SET due_on = now(), status = %s'",
        "sql = 'UPDATE payout_bankshare SET status = %s FROM submission_batch'",
    ),
    (
        walls.only_the_journey_writes_a_status,
        "yikatong/law/x.sql",
        "update batch\nset status = 'X'",
        "UPDATE batch SET due_on = now()",
    ),
    (
        walls.actions_take_their_actor_by_keyword,
        SUBMISSION,
        "def submit(batch, actor): ...",
        "def submit(batch, *, actor): ...\ndef _help(batch): ...",
    ),
    (
        walls.queries_take_a_scope,
        "yikatong/review/queries.py",
        "def all_of(): ...",
        "def mine(scope): ...",
    ),
    (
        walls.machine_actors_are_made_by_jobs_only,
        "yikatong/desk/views.py",
        "a = Actor(0, 'x', 'x', Duty.TREASURY, scope)",
        "a = Actor(1, 'x', 'x', Duty.FINANCE, scope)",
    ),
    (
        walls.no_function_is_longer_than_seventy_lines,
        SUBMISSION,
        LONG_FUNCTION,
        LONG_FUNCTION[:-10],
    ),
    (
        walls.counties_differ_by_data_only,
        SUBMISSION,
        "if county == '500243': ...",
        "if county == other: ...",
    ),
    (
        walls.counties_differ_by_data_only,
        SUBMISSION,
        "x = 1 if a.county in ('500104',) else 2",
        "x = row['level'] == county",
    ),
    (
        walls.only_jobs_catch_everything,
        SUBMISSION,
        "try: ...\nexcept (ValueError, Exception): ...",
        "try: ...\nexcept ValueError: ...",
    ),
    (walls.money_is_never_a_float, SUBMISSION, "x = float('1.2')", "wait_s: float = 1.5"),
    (
        walls.money_is_never_a_float,
        SUBMISSION,
        "x = models.FloatField()",
        "x = models.BigIntegerField()",
    ),
    (
        walls.there_are_no_signals,
        SUBMISSION,
        "from django.db.models.signals import post_save",
        "import signal",
    ),
    (
        walls.there_are_no_signals,
        SUBMISSION,
        "from django.db.models import signals",
        "import signal",
    ),
    (
        walls.views_do_not_query,
        "yikatong/desk/views.py",
        "x = Batch.objects",
        "x = queries.mine(scope)",
    ),
    (
        walls.models_do_not_override_save,
        "yikatong/review/models.py",
        "class A:\n    def save(self): ...",
        "class A:\n    def total(self): ...",
    ),
    (
        walls.decisions_do_not_read_the_clock,
        "yikatong/review/rules.py",
        "x = date.today()",
        "x = today + delta",
    ),
    (
        fences.no_file_is_longer_than_four_hundred_lines,
        SUBMISSION,
        "x = 1\n" * 401,
        "x = 1\n" * 400,
    ),
    (
        fences.migrations_are_named_as_sentences,
        "yikatong/review/migrations/0002_auto_20260101_1200.py",
        "",
        None,
    ),
    (
        fences.migrations_are_named_as_sentences,
        "yikatong/review/migrations/0001_initial.py",
        "",
        None,
    ),
    (
        fences.nothing_names_a_registry_or_a_place_of_one_machine,
        "docs/x.md",
        f"pip install -i https://{REGISTRY}/simple",
        "pip install",
    ),
    (
        fences.nothing_names_a_registry_or_a_place_of_one_machine,
        "docs/x.md",
        f"see {PLACE}/notes",
        "see /var/lib",
    ),
    (
        fences.lock_files_hold_no_address,
        "requirements.lock",
        "a @ https://x/a.whl",
        "a==1 --hash=sha256:0",
    ),
    (
        fences.pages_hold_no_script_and_no_style,
        "yikatong/desk/templates/x.html",
        "<script>1</script>",
        '<script src="x.js"></script>',
    ),
    (
        fences.pages_hold_no_script_and_no_style,
        "yikatong/desk/templates/x.html",
        '<p style="color:red">',
        '<p data-style="x">',
    ),
    (
        fences.pages_hold_no_script_and_no_style,
        "yikatong/desk/templates/x.html",
        '<img src="https://x/y">',
        '<img src="/y">',
    ),
    (fences.old_browsers_understand_it, "yikatong/desk/static/x.css", "a{inset:0}", "a{top:0}"),
    (
        fences.old_browsers_understand_it,
        "yikatong/desk/static/x.css",
        "a:is(b){}",
        "a:first-child{}",
    ),
    (fences.old_browsers_understand_it, "yikatong/desk/static/x.js", "x.at(-1)", "x[x.length - 1]"),
]


def plant(root: Path, name: str, text: str) -> Tree:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return Tree(root)


@pytest.mark.parametrize(("wall", "name", "breach", "neighbour"), CASES)
def test_the_wall_bites_and_spares_its_neighbour(
    tmp_path: Path,
    wall: Callable[[Tree], list[str]],
    name: str,
    breach: str,
    neighbour: str | None,
) -> None:
    assert len(wall(plant(tmp_path / "bad", name, breach))) == 1
    if neighbour is not None:
        assert wall(plant(tmp_path / "good", name, neighbour)) == []


def test_every_wall_and_fence_has_been_seen_to_bite() -> None:
    assert {*walls.WALLS, *fences.FENCES} == {case[0] for case in CASES}


def test_the_writer_itself_and_jobs_are_let_be(tmp_path: Path) -> None:
    writer = plant(tmp_path, walls.THE_WRITER, "batch.status = s")
    assert walls.only_the_journey_writes_a_status(writer) == []
    job = "a = Actor(0, 'x', 'x', Duty.CLOCK, scope)\ntry: ...\nexcept Exception: ..."
    jobs = plant(tmp_path, "yikatong/payout/jobs.py", job)
    assert walls.machine_actors_are_made_by_jobs_only(jobs) == []
    assert walls.only_jobs_catch_everything(jobs) == []


def test_a_migration_whose_name_is_a_sentence_stands(tmp_path: Path) -> None:
    tree = plant(tmp_path, "yikatong/review/migrations/0001_a_verdict_is_kept.py", "")
    assert fences.migrations_are_named_as_sentences(tree) == []


def fake_model(name: str, table: str, **columns: str) -> SimpleNamespace:
    fields = [SimpleNamespace(name=key, db_comment=comment) for key, comment in columns.items()]
    return SimpleNamespace(
        __name__=name,
        _meta=SimpleNamespace(managed=True, db_table_comment=table, local_fields=fields),
    )


def test_a_column_or_table_without_chinese_is_named() -> None:
    model = fake_model("Verdict", "复核结论", reason="原因", made_at="time")
    assert registers.columns_without_a_chinese_comment([model]) == [  # type: ignore[list-item]
        "Verdict.made_at 没有中文 db_comment"
    ]
    bare = fake_model("Verdict", "")
    assert len(registers.columns_without_a_chinese_comment([bare])) == 1  # type: ignore[list-item]


def test_a_url_without_a_policy_is_named_wherever_it_hangs() -> None:
    def guarded(request: object) -> None: ...
    def open_door(request: object) -> None: ...

    guarded.policy = "town"  # type: ignore[attr-defined]
    inner = [path("a/", guarded), path("b/", open_door)]  # type: ignore[arg-type, type-var]
    assert registers.urls_without_a_policy([path("in/", include((inner, "x")))]) == ["in/b/"]


def test_a_model_without_a_glossary_entry_is_named() -> None:
    model = fake_model("Verdict", "复核结论")
    assert registers.models_without_a_glossary_entry([model], "复核 `Verdict`") == []  # type: ignore[list-item]
    missing = registers.models_without_a_glossary_entry([model], "`VerdictNote`")  # type: ignore[list-item]
    assert len(missing) == 1
