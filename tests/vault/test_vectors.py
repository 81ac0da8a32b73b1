"""SM2, SM3 and SM4 against the published vectors and, where it can, the system's openssl.

GB/T 32905—2016 A.1, A.2 (SM3), GB/T 32907—2016 A.1, A.2 (SM4), GB/T 32918.2/.5—2017 A.2 (SM2),
RFC 8998 A.1 (SM4-GCM).
"""

from __future__ import annotations

import base64
import secrets
import shutil
import subprocess
from pathlib import Path

import gmssl_pyx
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from yikatong.kernel.digest import sm3
from yikatong.vault.wire import DISTID, WireKeys, decrypt, encrypt

# GB/T 32918.5—2017 A.2: the recommended curve, ID 1234567812345678, message "message digest"
PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC = bytes.fromhex(
    "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
Z = bytes.fromhex("B2E14C5C79C6DF5B85F4FE7ED8DB7A262B9DA7E07CCB0EA9F4747B8CCDA8A4F3")
E_VALUE = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
# the domain parameters of the curve, for Z
CURVE = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
SEC1 = bytes.fromhex("30770201010420")
SEC1_CURVE = bytes.fromhex("a00a06082a811ccf5501822da14403420004")


def der(r: int, s: int) -> bytes:
    def whole(value: int) -> bytes:
        content = value.to_bytes(33, "big").lstrip(b"\x00")
        content = (b"\x00" if content[0] & 0x80 else b"") + content
        return bytes([2, len(content)]) + content

    content = whole(r) + whole(s)
    return bytes([0x30, len(content)]) + content


@pytest.fixture
def openssl() -> str:
    found = shutil.which("openssl")
    assert found, (
        "缺少 openssl 程序：请安装 Debian 软件包 openssl 后再测（apt-get install openssl）。"
    )
    return found


def run(program: str, *words: str, given: bytes = b"") -> bytes:
    done = subprocess.run([program, *words], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def pem(path: Path, kind: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode()
    path.write_text(f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n", "ascii")
    return str(path)


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_of_gb_t_32905(message: bytes, digest: str) -> None:
    assert sm3(message).hex() == digest


def test_sm4_of_gb_t_32907() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")

    def once(block: bytes) -> bytes:
        machine = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 — the vector
        return machine.update(block) + machine.finalize()

    assert once(key).hex() == "681edf34d206965e86b3e94f536e4246"
    machine = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 — the vector
    block = key
    for _ in range(1_000_000):
        block = machine.update(block)
    assert block.hex() == "595298c7c6fd271f0402f804c33d3f66"


def test_sm4_gcm_of_rfc_8998() -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    known = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
        "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
    )
    sealed = encrypt(key, nonce, plain, known)
    assert sealed.hex().upper() == (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )
    assert decrypt(key, nonce, sealed, known) == plain


def test_sm2_of_gb_t_32918_5() -> None:
    identity = DISTID.encode()
    z = sm3((len(identity) * 8).to_bytes(2, "big") + identity + CURVE + PUBLIC)
    assert z == Z
    assert sm3(z + b"message digest") == E_VALUE
    keys = WireKeys(PUBLIC, PRIVATE)
    envelope = keys.facing(PUBLIC.hex())
    published = base64.b64encode(der(R, S))
    assert envelope.verify(b"message digest", published)
    assert not envelope.verify(b"message digesT", published)
    assert envelope.verify(b"message digest", envelope.sign(b"message digest"))
    assert gmssl_pyx.sm2_verify_sm3_digest(PUBLIC, E_VALUE, der(R, S))


@pytest.mark.parametrize("length", [0, 1, 55, 56, 64, 1000, 100_003])
def test_openssl_has_the_same_sm3(openssl: str, length: int) -> None:
    message = secrets.token_bytes(length)
    said = run(openssl, "dgst", "-sm3", "-r", given=message).split()[0].decode()
    assert said == sm3(message).hex()


@pytest.mark.parametrize("distid", [DISTID, "BANK-PROFILE-ID"])
def test_openssl_verifies_what_we_sign_and_we_what_it_signs(
    openssl: str, tmp_path: Path, distid: str
) -> None:
    keys = WireKeys.create()
    envelope = keys.facing(keys.public_hex, distid=distid)
    public = pem(tmp_path / "pub.pem", "PUBLIC KEY", SPKI + keys.public)
    secret = SEC1 + keys.private + SEC1_CURVE + keys.public
    private = pem(tmp_path / "key.pem", "EC PRIVATE KEY", secret)
    message = tmp_path / "message"
    message.write_bytes("应发＝成功＋失败＋在途＋停发".encode())
    ours = tmp_path / "ours.sig"
    ours.write_bytes(base64.b64decode(envelope.sign(message.read_bytes())))
    how = ("-sm3", "-sigopt", f"distid:{distid}")
    said = run(openssl, "dgst", *how, "-verify", public, "-signature", str(ours), str(message))
    assert b"Verified OK" in said
    theirs = run(openssl, "dgst", *how, "-sign", private, str(message))
    assert envelope.verify(message.read_bytes(), base64.b64encode(theirs))
    other = keys.facing(keys.public_hex, distid="SOMEBODY-ELSE-ID")
    assert not other.verify(message.read_bytes(), base64.b64encode(theirs))


def test_openssl_opens_the_data_key_that_we_wrap(openssl: str, tmp_path: Path) -> None:
    keys = WireKeys.create()
    key = keys.facing(keys.public_hex).new_field_key()
    secret = SEC1 + keys.private + SEC1_CURVE + keys.public
    private = pem(tmp_path / "key.pem", "EC PRIVATE KEY", secret)
    wrapped = tmp_path / "wrapped"
    wrapped.write_bytes(base64.b64decode(key.wrapped))
    opened = run(openssl, "pkeyutl", "-decrypt", "-inkey", private, "-in", str(wrapped))
    assert opened == key.key
