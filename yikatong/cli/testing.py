"""`./ykt test`: what the tests need, then the quick checks, then pytest, each with its time.

A thing that is missing is installed or named; nothing is skipped in silence.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass

from yikatong.kernel.errors import Refused
from yikatong.kernel.home import CHECKOUT

PACKAGES = ("chromium", "fonts-noto-cjk", "fonts-hanazono", "poppler-utils")
# its files are read, and the rule files run on Spark, in the long form
LONG_PACKAGES = ("libreoffice-calc", "openjdk-17-jre-headless")
SPARK = CHECKOUT / ".venv" / "spark"
SPARK_LOCK = CHECKOUT / "requirements-spark.lock"
APT = ("apt-get", "-y", "-q", "-o", "Dpkg::Use-Pty=0")
TREES = ("yikatong", "config", "simulators")
TEMPLATES = "yikatong"
WORKERS = 2
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as lint; lint()"  # has no -m


@dataclass(frozen=True, slots=True)
class Phase:
    """One check: what it is called, and the words that run it."""

    name: str
    command: tuple[str, ...]


def phases(*, long: bool) -> tuple[Phase, ...]:
    """The checks in the order in which they run, the quick ones first."""
    python = (sys.executable, "-P", "-m")
    # no server runs yet; that makemigrations cannot look into one is no matter here
    quiet = (sys.executable, "-P", "-W", "ignore::RuntimeWarning")
    return (
        Phase("ruff check", (*python, "ruff", "check", "--output-format", "concise", ".")),
        Phase("ruff format", (*python, "ruff", "format", "--check", ".")),
        Phase("djlint 格式", (*python, "djlint", TEMPLATES, "--check", "--quiet")),
        Phase("djlint 检查", (*python, "djlint", TEMPLATES, "--lint", "--quiet")),
        Phase("import-linter", (sys.executable, "-P", "-c", LINT_IMPORTS)),
        Phase("mypy", (*python, "mypy")),
        Phase("迁移", (*quiet, "-m", "django", "makemigrations", "--check", "--dry-run")),
        Phase("生成文档", (*python, "yikatong.cli", "docs", "--check")),
        Phase("pytest", (*python, "pytest", *pytest_words(long=long))),
    )


def pytest_words(*, long: bool) -> tuple[str, ...]:
    words = ("-n", str(WORKERS), "--dist", "loadfile", "--durations=10")
    return words if long else (*words, "-m", "not long")


def run_tests(*, long: bool) -> int:
    """Run every phase, whatever the earlier ones said; 0 only if all of them are content.

    Nothing is said after pytest: its closing lines stay the last.
    """
    install_packages(PACKAGES + LONG_PACKAGES if long else PACKAGES)
    if long:
        install_spark()
    *quick, tests = phases(long=long)
    failed = [phase.name for phase in quick if not _passes(phase)]
    if failed:
        say(f"未通过：{'、'.join(failed)}")
    say(f"── {tests.name}")
    code = _run(tests)
    return 1 if failed or code != 0 else 0


def _passes(phase: Phase) -> bool:
    say(f"── {phase.name}")
    started = time.monotonic()
    code = _run(phase)
    word = "通过" if code == 0 else f"未通过（{code}）"
    say(f"   {word}，{time.monotonic() - started:.1f} 秒")
    return code == 0


def _run(phase: Phase) -> int:
    return subprocess.run(  # noqa: S603 - the words are ours, no shell splits them
        phase.command, cwd=CHECKOUT, env=environment(), check=False
    ).returncode


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "PYTHONUTF8": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CHROMIUM": chromium(),
        "YKT_SPARK_PYTHON": str(SPARK / "bin" / "python"),
    }


def chromium() -> str:
    """The browser of the tests: `$CHROMIUM`, else Debian's."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


def install_packages(wanted: tuple[str, ...] = PACKAGES) -> None:
    """Chromium, the fonts, poppler (and LibreOffice) from Debian's packages, if not there.

    Raises:
        Refused: they are missing and cannot be installed; the sentence names them.
    """
    missing = [package for package in wanted if not is_installed(package)]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Refused(f"测试还缺少系统组件，请先以 root 安装：apt-get install {names}")
    say(f"正在安装测试所需的系统组件：{names} …")
    for words in (("update",), ("install", "--no-install-recommends", *missing)):
        done = subprocess.run(  # noqa: S603 - the words are ours, no shell splits them
            (*APT, *words),
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            tail = "\n".join(done.stdout.splitlines()[-10:])
            raise Refused(f"安装 {names} 失败，请检查网络或软件源：\n{tail}")


def install_spark() -> None:
    """Spark in an environment of its own inside `.venv`, by its lock file, if not there.

    Raises:
        Refused: it could not be installed.
    """
    stamp = SPARK / "lock"
    wanted = SPARK_LOCK.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    say("正在安装 Spark（只装一次，约 500 MB）…")
    python = str(SPARK / "bin" / "python")
    pip = (python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(SPARK_LOCK))
    for words in ((sys.executable, "-m", "venv", "--clear", str(SPARK)), pip):
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode != 0:
            raise Refused(f"Spark 没有装上，请检查网络或软件源：{done.stderr.strip()[-300:]}")
    stamp.write_text(wanted, encoding="utf-8")


def is_installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return False
    asked = subprocess.run(  # noqa: S603 - the words are ours, no shell splits them
        ("/usr/bin/dpkg-query", "-W", "-f", "${db:Status-Status}", package),
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout == "installed"


def say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description="运行全部检查和测试")
    parser.add_argument("--long", action="store_true", help="连同长测试")
    words = parser.parse_args()
    try:
        return run_tests(long=words.long)
    except Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
