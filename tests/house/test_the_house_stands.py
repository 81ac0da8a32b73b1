"""The walls hold in the tree as it is. Each is seen to bite in test_each_wall_bites.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

import pytest
from django.apps import apps
from django.db.models import Model

from tests.house import registers
from tests.house.fences import FENCES
from tests.house.tree import Tree
from tests.house.walls import WALLS, WITHOUT_SCOPE
from yikatong.kernel.home import CHECKOUT

HOUSE = Tree(CHECKOUT)


@pytest.mark.parametrize("wall", [*WALLS, *FENCES], ids=lambda wall: wall.__name__)
def test_the_wall_holds(wall: Callable[[Tree], list[str]]) -> None:
    breaches = wall(HOUSE)
    assert not breaches, "\n".join(breaches)


def our_models() -> list[type[Model]]:
    return [model for model in apps.get_models() if model.__module__.startswith("yikatong.")]


def test_every_column_says_in_chinese_what_it_holds() -> None:
    assert len(our_models()) > 20
    assert registers.columns_without_a_chinese_comment(our_models()) == []


@pytest.mark.parametrize("urls", ["config.urls", "config.public_urls"])
def test_every_url_has_a_policy(urls: str) -> None:
    patterns = import_module(urls).urlpatterns
    assert patterns
    assert registers.urls_without_a_policy(patterns) == []


def test_every_model_is_in_the_glossary() -> None:
    glossary = (CHECKOUT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert registers.models_without_a_glossary_entry(our_models(), glossary) == []


def test_every_query_without_a_scope_says_why() -> None:
    assert all(len(reason) > 10 for reason in WITHOUT_SCOPE.values())


def test_generated_documents_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "yikatong.cli", "docs", "--check"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
