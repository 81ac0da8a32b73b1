"""`./ykt` and `./ykt test`: what they say where something is missing, and when they do nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from yikatong.cli import testing
from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT, Home


@pytest.fixture
def ykt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher as a module, in a checkout of its own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("ykt_launcher", str(CHECKOUT / "ykt"))
    spec = spec_from_loader("ykt_launcher", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    (tmp_path / "requirements.lock").write_text("a==1 \\\n    --hash=sha256:00\nb==2\n")
    monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return module


def test_a_missing_ensurepip_is_named_to_an_ordinary_user(
    ykt: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ykt, "find_spec", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as end:
        ykt.make_venv()
    said = capsys.readouterr()
    assert end.value.code == 2
    assert said.out == ""
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" in said.err


def test_an_old_python_is_told_in_a_sentence(
    ykt: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ykt.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit):
        ykt.start_again_with_newer()
    assert "Python 3.11" in capsys.readouterr().err


def test_the_stamp_holds_until_the_lock_file_or_the_place_changes(ykt: ModuleType) -> None:
    lock = "requirements.lock"
    assert not ykt.is_fresh(lock)
    ykt.PYTHON.parent.mkdir(parents=True)
    ykt.PYTHON.touch()
    ykt.stamp(lock).write_text(ykt.stamp_text(lock), encoding="utf-8")
    assert ykt.is_fresh(lock)
    (ykt.CHECKOUT / lock).write_text("a==2\n")
    assert not ykt.is_fresh(lock)


def test_a_moved_environment_is_made_anew(ykt: ModuleType) -> None:
    ykt.PYTHON.parent.mkdir(parents=True)
    ykt.PYTHON.symlink_to(sys.executable)
    ykt.stamp("requirements.lock").write_text("digest 3.11 /elsewhere/.venv\n", encoding="utf-8")
    assert not ykt.is_usable()


def test_a_failed_installation_shows_pips_last_words(
    ykt: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ykt, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(ykt, "PIP", ("-c", "print('no such wheel'); raise SystemExit(1)"))
    with pytest.raises(SystemExit):
        ykt.install("requirements.lock")
    said = capsys.readouterr()
    assert said.out == ""
    assert "2 个组件" in said.err
    assert "no such wheel" in said.err
    assert not ykt.stamp("requirements.lock").exists()


def test_the_launcher_and_the_ci_script_can_be_run() -> None:
    for name in ("ykt", ".ci/run"):
        assert (CHECKOUT / name).stat().st_mode & stat.S_IXUSR
    assert (CHECKOUT / ".ci/run").read_text().endswith("exec ./ykt test\n")


def test_missing_packages_are_named_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "is_installed", lambda package: package != "poppler-utils")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Refused, match=r"apt-get install poppler-utils$"):
        testing.install_packages()


def test_what_is_not_installed_is_seen() -> None:
    assert not testing.is_installed("no-such-package-of-ours")


def test_one_failing_check_fails_the_run_though_the_tests_pass(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    good = (sys.executable, "-c", "print('7 passed in 1s')")
    bad = (sys.executable, "-c", "raise SystemExit(3)")
    monkeypatch.setattr(testing, "install_packages", lambda *_: None)
    monkeypatch.setattr(
        testing,
        "phases",
        lambda *, long: (testing.Phase("一", bad), testing.Phase("pytest", good)),
    )
    assert testing.run_tests(long=False) == 1
    said = capfd.readouterr().out
    assert "未通过：一" in said
    assert said.endswith("7 passed in 1s\n")


def test_long_tests_run_only_when_asked_for() -> None:
    assert "not long" in testing.pytest_words(long=False)
    assert "not long" not in testing.pytest_words(long=True)


def test_the_home_is_the_checkouts_var_unless_told_otherwise(tmp_path: Path) -> None:
    assert Home.from_environ({}).root == CHECKOUT / "var"
    assert Home.from_environ({"YKT_HOME": " "}).root == CHECKOUT / "var"
    assert Home.from_environ({"YKT_HOME": str(tmp_path)}).data == tmp_path / "data"
    assert Home.from_environ({"YKT_HOME": "here"}).root == Path.cwd() / "here"
    assert Home(tmp_path / "a").key != Home(tmp_path / "b").key


def test_the_launcher_says_nothing_on_stdout_and_hands_over(tmp_path: Path) -> None:
    """With a fresh stamp it only execs: here a stand-in that prints its words."""
    checkout = tmp_path / "checkout"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / "ykt").write_bytes((CHECKOUT / "ykt").read_bytes())
    (checkout / "requirements.lock").write_text("a==1\n")
    stand_in = checkout / ".venv" / "bin" / "python"
    stand_in.write_text('#!/bin/sh\necho "$@"\n')
    stand_in.chmod(0o755)
    make_stamp = (
        "import runpy, sys; m = runpy.run_path(sys.argv[1]);"
        "m['stamp']('requirements.lock').write_text(m['stamp_text']('requirements.lock'))"
    )
    words = [sys.executable, "-c", make_stamp, str(checkout / "ykt")]
    subprocess.run(words, check=True)
    done = subprocess.run(
        [sys.executable, str(checkout / "ykt"), "batch", "7", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-P -m yikatong.cli batch 7 --json\n"
    assert done.stderr == ""
