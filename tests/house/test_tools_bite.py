"""ruff, mypy, import-linter and djLint, with our own settings, fail on a planted breach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from yikatong.cli.testing import LINT_IMPORTS
from yikatong.kernel.home import CHECKOUT


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A house of two rooms with our settings: clean, until something is planted."""
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for name in ("config", "simulators", "yikatong", "yikatong/kernel", "yikatong/review"):
        plant(tmp_path, f"{name}/__init__.py", '"""A part of a planted house."""\n')
    plant(tmp_path, "yikatong/validation/row_rules.py", '"""None yet."""\n')
    for name in ("validation", "jobs", "connectors"):
        plant(tmp_path, f"yikatong/{name}/__init__.py", '"""A part of a planted house."""\n')
    plant(tmp_path, "yikatong/review/rules.py", '"""None yet."""\n')
    return tmp_path


def plant(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("rule", "breach"),
    [
        ("BLE001", "try:\n    x = 1\nexcept Exception:\n    x = 2\n"),
        ("DTZ005", "from datetime import datetime\n\nx = datetime.now()\n"),
        ("TID251", "from django.dispatch import receiver\n\n__all__ = ['receiver']\n"),
        ("FBT001", "def f(is_loud: bool) -> None:\n    print(is_loud)\n"),
        ("T201", "print(1)\n"),
    ],
)
def test_ruff_bites(tree: Path, rule: str, breach: str) -> None:
    words = ("-m", "ruff", "check", "--no-cache", "--output-format", "concise", ".")
    assert run(tree, *words).returncode == 0
    plant(tree, "yikatong/review/x.py", breach)
    done = run(tree, *words)
    assert done.returncode == 1
    assert rule in done.stdout


def test_mypy_bites(tree: Path) -> None:
    # the plug-in for models needs the settings of the whole house; strictness does not
    settings = (tree / "pyproject.toml").read_text(encoding="utf-8")
    (tree / "pyproject.toml").write_text(
        settings.replace('plugins = ["mypy_django_plugin.main"]', ""), encoding="utf-8"
    )
    plant(tree, "yikatong/review/x.py", "def f(n) -> int:\n    return str(n)\n")
    done = run(tree, "-m", "mypy", "--no-incremental")
    assert done.returncode == 1
    assert "no-untyped-def" in done.stdout
    assert "return-value" in done.stdout


@pytest.mark.parametrize(
    ("contract", "name", "breach"),
    [
        ("A stage looks only upstream", "yikatong/kernel/x.py", "import yikatong.review"),
        ("The kernel and all rules are pure", "yikatong/kernel/x.py", "import django"),
        (
            "Every app has the same rooms",
            "yikatong/review/rules.py",
            "import yikatong.review.models",
        ),
        ("Product and simulators never meet", "simulators/x.py", "import yikatong.kernel"),
    ],
)
def test_import_linter_bites(tree: Path, contract: str, name: str, breach: str) -> None:
    plant(tree, "yikatong/review/models.py", '"""Tables."""\n')
    # contracts that name rooms which this small house has not built would stop the tool
    settings = (tree / "pyproject.toml").read_text(encoding="utf-8")
    head, *contracts = settings.split("[[tool.importlinter.contracts]]")
    wanted = [text for text in contracts if f'name = "{contract}"' in text]
    assert len(wanted) == 1
    kept = "[[tool.importlinter.contracts]]".join([head, *wanted])
    (tree / "pyproject.toml").write_text(kept, encoding="utf-8")
    before = run(tree, "-c", LINT_IMPORTS)
    assert before.returncode == 0, before.stdout
    plant(tree, name, f"{breach}\n")
    done = run(tree, "-c", LINT_IMPORTS)
    assert done.returncode == 1, done.stdout
    assert f"{contract} BROKEN" in done.stdout


@pytest.mark.parametrize(
    ("mode", "breach"),
    [
        ("--lint", '<img src="/x.png">\n'),
        ("--check", "<div><p>\n一\n</p></div>\n"),
    ],
)
def test_djlint_bites(tree: Path, mode: str, breach: str) -> None:
    plant(tree, "yikatong/desk/templates/good.html", "<p>一卡通</p>\n")
    assert run(tree, "-m", "djlint", "yikatong", mode).returncode == 0
    plant(tree, "yikatong/desk/templates/bad.html", breach)
    assert run(tree, "-m", "djlint", "yikatong", mode).returncode == 1
