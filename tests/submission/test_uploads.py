"""An uploaded file comes back as it was, whether it was packed or not, and never in clear."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction
from psycopg.errors import InsufficientPrivilege

from tests.validation.cast import HERE, LI_XIA, OTHER_TOWN, TOWN
from yikatong.kernel.digest import sm3
from yikatong.organisation.scoping import acting
from yikatong.submission import uploads
from yikatong.submission.models import SourceFile
from yikatong.submission.uploads import FIELD, content_of_file, keep_file, sealed
from yikatong.vault.cipher import Vault
from yikatong.vault.keys import KeyRing

LIST = "姓名,身份证号,金额\n".encode() + "冉光荣,500243197001010021,12.00\n".encode() * 500


@pytest.fixture(autouse=True)
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    kept = Vault(KeyRing.create(tmp_path / "keys", [HERE]))
    monkeypatch.setattr(uploads, "the_vault", lambda: kept)
    return kept


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "is_packed"),
    [(LIST, True), (os.urandom(3000), False), (b"", False), (b"PK\x03\x04" + LIST, False)],
)
@pytest.mark.parametrize("block", [uploads.BLOCK, 100])
@pytest.mark.parametrize("is_on_disk", [True, False])
def test_a_file_comes_back_as_it_was(
    content: bytes,
    is_packed: bool,
    block: int,
    is_on_disk: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    monkeypatch.setattr(uploads, "BLOCK", block)
    file = sealed(tmp_path / "a.csv" if is_on_disk else content, county=HERE)
    with acting(LI_XIA):
        told = keep_file(name="a.csv", file=file, unit_no=TOWN, department_no=1, actor=LI_XIA)
        kept = SourceFile.objects.get(pk=told.pk)
    assert (kept.county, kept.unit_no, kept.department_no) == (HERE, TOWN, 1)
    assert (kept.name, kept.uploaded_by) == ("a.csv", LI_XIA.username)
    assert kept.uploaded_at == told.uploaded_at
    assert kept.sm3 == sm3(content)
    assert kept.is_packed == is_packed
    assert content_of_file(kept) == content
    assert b"500243197001010021" not in bytes(kept.sealed)


@pytest.mark.django_db
def test_a_file_is_kept_for_no_other_unit() -> None:
    """Row security holds for what is bound by the server as for any other row."""
    file = sealed(LIST, county=HERE)
    with pytest.raises(DatabaseError) as refused, transaction.atomic(), acting(LI_XIA):
        keep_file(name="a.csv", file=file, unit_no=OTHER_TOWN, department_no=1, actor=LI_XIA)
    assert isinstance(refused.value.__cause__, InsufficientPrivilege)


def test_one_kept_before_files_were_packed_is_opened_all_the_same(vault: Vault) -> None:
    sealed = vault.encrypt(LIST, county=HERE, field=FIELD)
    assert content_of_file(SourceFile(county=HERE, sealed=sealed)) == LIST
