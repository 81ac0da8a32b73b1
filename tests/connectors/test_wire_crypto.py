"""The wire's crypto against published vectors, the openssl program, and tampering."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.bank.crypto import Crypto, Unopenable
from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused
from yikatong.vault.wire import WireKeys, decrypt, encrypt, public_key

OURS, BANK, OTHER = WireKeys.create(), WireKeys.create(), WireKeys.create()
MINE, THEIRS = OURS.facing(BANK.public_hex), BANK.facing(OURS.public_hex)


def test_sm3_of_abc_is_that_of_gb_t_32905() -> None:
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm3(b"abc").hex() == expected


def test_sm4_encrypts_the_example_of_gb_t_32907() -> None:
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    block = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 — one published block
    assert block.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_gcm_is_that_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    nonce = bytes.fromhex("00001234567800000000abcd")
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plain = b"".join(bytes([byte]) * 8 for byte in bytes.fromhex("aabbccddeeffeeaa"))
    expected = (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    sealed = encrypt(key, nonce, plain, associated)
    assert sealed.hex() == expected
    assert decrypt(key, nonce, sealed, associated) == plain


def test_sm2_checks_the_signature_of_gb_t_32918_5() -> None:
    public = public_key(
        "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
    )
    r = bytes.fromhex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3")
    s = bytes.fromhex("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")
    der = b"\x30\x46\x02\x21\x00" + r + b"\x02\x21\x00" + s
    assert gmssl_pyx.sm2_verify(public, b"message digest", der)
    assert not gmssl_pyx.sm2_verify(public, b"message digesu", der)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
@settings(max_examples=5, deadline=None)
@given(st.binary(max_size=300))
def test_sm3_agrees_with_the_openssl_program(data: bytes) -> None:
    told = subprocess.run(
        [shutil.which("openssl") or "", "dgst", "-sm3", "-r"],
        input=data, capture_output=True, check=True,
    )  # fmt: skip
    assert told.stdout.split()[0].decode() == sm3(data).hex()


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=2000))
def test_what_is_sealed_opens_and_what_is_signed_is_verified(data: bytes) -> None:
    sealed = MINE.seal(data)
    assert THEIRS.open(sealed) == data
    assert data not in sealed or len(data) < 4
    assert THEIRS.verify(data, MINE.sign(data))
    assert not THEIRS.verify(data + b"x", MINE.sign(data))
    assert MINE.seal(data) != sealed, "a fresh key and nonce each time"


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_is_refused_in_words(place: int, change: int) -> None:
    sealed = bytearray(MINE.seal("李秀英|620000000".encode()))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(Refused, match="无法解密"):
        THEIRS.open(bytes(sealed))


@pytest.mark.parametrize("length", [0, 3, 6, 40, 120, 140])
def test_a_cut_envelope_is_refused(length: int) -> None:
    with pytest.raises(Refused):
        THEIRS.open(MINE.seal(b"text")[:length])


def test_nobody_else_opens_or_signs() -> None:
    with pytest.raises(Refused):
        OTHER.facing(OURS.public_hex).open(MINE.seal(b"text"))
    assert not THEIRS.verify(b"text", OTHER.facing(BANK.public_hex).sign(b"text"))


@pytest.mark.parametrize("signature", [b"", b"!!!", b"AAAA", b"A" * 4000, b"\xff\xfe"])
def test_a_broken_signature_is_false_and_no_error(signature: bytes) -> None:
    assert not THEIRS.verify(b"text", signature)


def test_the_bank_simulator_reads_the_same_envelope_and_the_reverse() -> None:
    bank = Crypto(BANK.public, BANK.private, OURS.public)
    assert bank.open(MINE.seal(b"text")) == b"text"
    assert MINE.open(bank.seal(b"text")) == b"text"
    assert bank.verify(b"text", MINE.sign(b"text"))
    assert MINE.verify(b"text", bank.sign(b"text"))
    with pytest.raises(Unopenable):
        bank.open(MINE.seal(b"text")[:-1])


def test_keys_are_made_once_private_and_not_printed(tmp_path: Path) -> None:
    made = WireKeys.load_or_create(tmp_path / "keys")
    assert WireKeys.load_or_create(tmp_path / "keys") == made
    path = tmp_path / "keys" / "wire.sm2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (tmp_path / "keys" / "wire.pub").read_text().strip() == made.public_hex
    assert made.private.hex() not in repr(made)
    assert os.listdir(tmp_path / "keys") == ["wire.sm2", "wire.pub"] or len(
        os.listdir(tmp_path / "keys")
    ) == 2  # fmt: skip
    path.write_text("not a key")
    with pytest.raises(Refused, match="已损坏"):
        WireKeys.load(tmp_path / "keys")
    with pytest.raises(Refused, match="没有找到"):
        WireKeys.load(tmp_path / "nowhere")
    with pytest.raises(Refused, match="公钥不正确"):
        made.facing("00" * 64)
