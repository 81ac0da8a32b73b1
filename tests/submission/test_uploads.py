"""An uploaded file comes back as it was, whether it was packed or not, and never in clear."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.validation.cast import HERE, LI_XIA
from yikatong.submission import uploads
from yikatong.submission.models import SourceFile
from yikatong.submission.uploads import FIELD, content_of_file, keep_file
from yikatong.vault.cipher import Vault
from yikatong.vault.keys import KeyRing

LIST = "姓名,身份证号,金额\n".encode() + "冉光荣,500243197001010021,12.00\n".encode() * 500


@pytest.fixture(autouse=True)
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    kept = Vault(KeyRing.create(tmp_path / "keys", [HERE]))
    monkeypatch.setattr(uploads, "the_vault", lambda: kept)
    return kept


@pytest.mark.parametrize(
    ("content", "is_packed"), [(LIST, True), (os.urandom(3000), False), (b"", False)]
)
def test_a_file_comes_back_as_it_was(
    content: bytes, is_packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[SourceFile] = []
    monkeypatch.setattr(
        SourceFile.objects, "create", lambda **facts: stored.append(SourceFile(**facts))
    )
    keep_file(name="a.csv", content=content, unit_no=1000, department_no=1, actor=LI_XIA)
    (file,) = stored
    assert file.county == HERE
    assert file.is_packed == is_packed
    assert content_of_file(file) == content
    assert b"500243197001010021" not in bytes(file.sealed)


def test_one_kept_before_files_were_packed_is_opened_all_the_same(vault: Vault) -> None:
    sealed = vault.encrypt(LIST, county=HERE, field=FIELD)
    assert content_of_file(SourceFile(county=HERE, sealed=sealed)) == LIST
