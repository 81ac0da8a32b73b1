"""What is stored opens only where it was written, and never silently changed."""

import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.kernel.errors import Refused
from yikatong.vault.cipher import OVERHEAD, Unreadable, Vault, kid_of, self_test
from yikatong.vault.keys import DataClass, KeyRing

P, D = "500243", "500104"
ID_FIELD = "person.id_number"
PLAIN = b"11010519491231002X"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return Vault(KeyRing.create(tmp_path_factory.mktemp("home") / "keys", [P, D]))


def test_the_standards_vectors_hold() -> None:
    self_test()


@given(st.binary(max_size=200))
def test_what_is_encrypted_opens_again(vault: Vault, plain: bytes) -> None:
    stored = vault.encrypt(plain, county=P, field=ID_FIELD)
    assert len(stored) == len(plain) + OVERHEAD
    assert vault.decrypt(stored, county=P, field=ID_FIELD) == plain


def test_equal_values_never_look_equal(vault: Vault) -> None:
    first, second = vault.encrypt_many([PLAIN, PLAIN], county=P, field=ID_FIELD)
    assert first != second
    assert vault.decrypt_many([first, memoryview(second)], county=P, field=ID_FIELD) == [PLAIN] * 2
    assert PLAIN not in first


def test_every_changed_byte_is_seen(vault: Vault) -> None:
    stored = vault.encrypt(PLAIN, county=P, field=ID_FIELD)
    for place in range(len(stored)):
        changed = bytearray(stored)
        changed[place] ^= 1
        with pytest.raises((Unreadable, Refused)):
            vault.decrypt(bytes(changed), county=P, field=ID_FIELD)
    with pytest.raises(Unreadable):
        vault.decrypt(stored[: OVERHEAD - 1], county=P, field=ID_FIELD)


@pytest.mark.parametrize(
    ("county", "field"),
    [(D, ID_FIELD), (P, "person.name"), (P, "card_account.number"), (P, "file.body")],
)
def test_a_value_moved_elsewhere_does_not_open(vault: Vault, county: str, field: str) -> None:
    stored = vault.encrypt(PLAIN, county=P, field=ID_FIELD)
    with pytest.raises(Unreadable):
        vault.decrypt(stored, county=county, field=field)


def test_blind_indexes_are_equal_for_equal_values_of_one_county_and_kind(vault: Vault) -> None:
    index = vault.blind_index(P, "11010519491231002X")
    assert len(index) == 32
    assert index == vault.blind_index(P, "11010519491231002X")
    assert index != vault.blind_index(D, "11010519491231002X")
    assert index != vault.blind_index(P, "11010519491231002X", kind="card")
    key = vault.ring.index_key(P)
    assert index == hmac.digest(key, b"id\x0011010519491231002X", "sm3")
    assert vault.blind_indexes_or_none(P, ["a", None, "b"]) == [
        vault.blind_index(P, "a"), None, vault.blind_index(P, "b")]  # fmt: skip


def test_old_values_stay_readable_after_rotation(tmp_path: Path) -> None:
    old = Vault(KeyRing.create(tmp_path, [P]))
    stored = old.encrypt(PLAIN, county=P, field=ID_FIELD)
    old.ring.rotate(P, DataClass.PERSON)
    new = Vault.open(tmp_path)
    assert new.decrypt(stored, county=P, field=ID_FIELD) == PLAIN
    fresh = new.encrypt(PLAIN, county=P, field=ID_FIELD)
    assert kid_of(fresh) > kid_of(stored)
    assert new.blind_index(P, "x") == old.blind_index(P, "x")
    with pytest.raises(Refused, match="无法读取"):
        old.decrypt(fresh, county=P, field=ID_FIELD)


def test_the_key_file_is_the_owners_alone(tmp_path: Path) -> None:
    KeyRing.create(tmp_path / "keys", [P])
    file = tmp_path / "keys" / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]
    file.chmod(0o640)
    with pytest.raises(Refused, match="0640"):
        KeyRing.open(file.parent)
    file.chmod(0o600)
    assert KeyRing.open(file.parent).counties == (P,)


def test_keys_are_never_overwritten_nor_shown(tmp_path: Path) -> None:
    ring = KeyRing.create(tmp_path, [P])
    with pytest.raises(Refused, match="不会覆盖"):
        KeyRing.create(tmp_path, [P])
    secret = ring.current(P, DataClass.FILE).secret
    assert str(secret) not in repr(ring) + repr(ring.keys)
    grown = ring.with_county(D)
    assert KeyRing.open(tmp_path) == grown
    assert grown.by_kid(1) == ring.by_kid(1)
    with pytest.raises(Refused, match="500104"):
        ring.index_key(D)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"format": 1}', b'{"format":2,"keys":[],"index_keys":{}}']
)
def test_a_broken_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(Refused, match="备份"):
        KeyRing.open(tmp_path)
    with pytest.raises(Refused, match="init"):
        KeyRing.open(tmp_path / "none")


def test_files_are_sealed_as_a_whole(vault: Vault, tmp_path: Path) -> None:
    plain = bytes(range(256)) * 5000
    (tmp_path / "plain").write_bytes(plain)
    sealed = tmp_path / "sealed"
    assert vault.seal_file(tmp_path / "plain", sealed, county=P) == len(plain)
    assert vault.open_file(sealed, county=P) == plain
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    content = sealed.read_bytes()
    sealed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Unreadable):
        vault.open_file(sealed, county=P)
