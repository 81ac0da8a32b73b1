"""A list on disk is read where it lies: the same sheet as from its bytes, or a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yikatong.kernel.errors import Refused
from yikatong.submission import sheets
from yikatong.submission.sheets import read_sheet
from yikatong.submission.sheets_apart import Child
from yikatong.submission.sheets_door import unchanged
from yikatong.submission.sheets_forms import DISBURSEMENT

Make = Callable[..., bytes]
GOOD = [["姓名", "身份证号", "金额"], ["冉甲", "11010519491231002X", 1], ["冉乙", "x", 2.5]]


@pytest.fixture(autouse=True)
def _through_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small a file is: a large one always goes there."""
    monkeypatch.setattr(sheets, "SMALL_FILE", 0)


@pytest.mark.parametrize("name", ["名单.xlsx", "名单.XLSX", "名单.xls", "名单"])
def test_a_file_and_its_bytes_are_one_sheet(tmp_path: Path, make_xlsx: Make, name: str) -> None:
    """Whatever it is called: what it is is told by its content."""
    file = tmp_path / name
    file.write_bytes(make_xlsx(GOOD))
    on_disk = read_sheet(file, DISBURSEMENT)
    in_memory = read_sheet(file.read_bytes(), DISBURSEMENT, name=name)
    assert on_disk.frame.equals(in_memory.frame)
    assert on_disk.frame.height == len(GOOD) - 1
    assert on_disk.labels == in_memory.labels


def test_the_child_opens_a_large_list_by_itself(
    tmp_path: Path, make_xlsx: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of it is handed over, so that no process holds a copy of the file."""
    handed: list[Any] = []
    real = Child.ask

    def ask(self: Child, source: Any, *rest: Any, **more: Any) -> Any:
        handed.append(source)
        return real(self, source, *rest, **more)

    monkeypatch.setattr(Child, "ask", ask)
    file = tmp_path / "名单.xlsx"
    file.write_bytes(make_xlsx(GOOD))
    monkeypatch.chdir(tmp_path)
    read_sheet(Path("名单.xlsx"), DISBURSEMENT)
    assert handed == [Path("名单.xlsx")]


def test_a_file_that_is_written_meanwhile_is_not_taken(
    tmp_path: Path, make_xlsx: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "名单.xlsx"
    file.write_bytes(make_xlsx(GOOD))
    real = Child.answer

    def answer(self: Child) -> Any:
        found = real(self)
        file.write_bytes(make_xlsx([*GOOD, ["冉丙", "y", 3]]))
        return found

    monkeypatch.setattr(Child, "answer", answer)
    with pytest.raises(Refused, match="被改动"):
        read_sheet(file, DISBURSEMENT)


@pytest.mark.parametrize("how", ["written", "replaced", "gone", "left alone"])
def test_a_file_is_one_and_the_same_throughout(tmp_path: Path, how: str) -> None:
    file = tmp_path / "名单.xlsx"
    file.write_bytes(b"first")
    os.utime(file, ns=(1, 1))

    def look() -> None:
        with unchanged(file):
            if how == "written":
                file.write_bytes(b"other")
            elif how == "replaced":
                other = tmp_path / "other"
                other.write_bytes(b"first")
                os.utime(other, ns=(1, 1))
                other.replace(file)
            elif how == "gone":
                file.unlink()

    if how == "left alone":
        look()
        return
    with pytest.raises(Refused, match="重新导入"):
        look()
