"""The crypto of the wire: SM2 signatures, SM4-GCM envelopes for whole parts and for single fields.

`KeyHolder` is the port: the default driver is software with keys in files (非密评); a certified
device (PKCS#11, SDF of GM/T 0018) implements its two verbs and never shows the private key.
GmSSL writes a line of its own to stderr when a check fails; here such a failure is `False`, or a
refusal in words.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import gmssl_pyx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from yikatong.kernel.digest import sm3
from yikatong.kernel.errors import Refused

MAGIC: Final = b"BCP1"
# a, b, Gx, Gy of the recommended curve (GB/T 32918.5)
CURVE: Final = bytes.fromhex(
    "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC"
    "28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93"
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)
DISTID: Final = "1234567812345678"
KEY_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
LENGTH_BYTES: Final = 2
PUBLIC_BYTES: Final = 64
PRIVATE_BYTES: Final = 32
SIGNATURE_MOST: Final = 72
CANNOT_OPEN: Final = "文件无法解密：不是发给本单位的，或者传输中被改动，请对方重新发送。"


class KeyHolder(Protocol):
    """Who holds our private key: 64 bytes of public key, and two verbs."""

    @property
    def public(self) -> bytes: ...

    def sign(self, data: bytes, distid: str, /) -> bytes:
        """SM2 with SM3 over Z‖data: DER."""
        ...

    def unwrap(self, wrapped: bytes, /) -> bytes:
        """SM2 decryption of a short secret (DER, C1C3C2). Raises Refused where it is not ours."""
        ...


@dataclass(frozen=True, slots=True)
class WireKeys:
    """The file driver: our own SM2 pair as raw bytes, 32 private and 64 public (x‖y)."""

    public: bytes
    private: bytes = field(repr=False)

    @classmethod
    def create(cls) -> WireKeys:
        public, private = gmssl_pyx.sm2_key_generate()
        return cls(public, private)

    @classmethod
    def load(cls, directory: Path, name: str = "wire") -> WireKeys:
        """Read the pair `NAME.sm2` of the directory.

        Raises:
            Refused: no such file, or it is not a key pair.
        """
        path = directory / f"{name}.sm2"
        try:
            written = path.read_text(encoding="ascii").split()
            private, public = (bytes.fromhex(part) for part in written)
        except FileNotFoundError:
            raise Refused(f"没有找到密钥文件 {path.name}，请先初始化。") from None
        except ValueError:
            raise Refused(f"密钥文件 {path.name} 已损坏，请从备份恢复。") from None
        if len(private) != PRIVATE_BYTES:
            raise Refused(f"密钥文件 {path.name} 已损坏，请从备份恢复。")
        return cls(public_key(public.hex()), private)

    @classmethod
    def load_or_create(cls, directory: Path, name: str = "wire") -> WireKeys:
        """The pair of that directory, made on the first call: `NAME.sm2` 0600, `NAME.pub`."""
        path = directory / f"{name}.sm2"
        if not path.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            store(cls.create(), path)
        keys = cls.load(directory, name)
        (directory / f"{name}.pub").write_text(keys.public_hex + "\n", encoding="ascii")
        return keys

    @property
    def public_hex(self) -> str:
        """128 hexadecimal digits: what the other side is given."""
        return self.public.hex()

    def sign(self, data: bytes, distid: str, /) -> bytes:
        # GmSSL's own SM3 is slower than the house's, and a part may be large
        digest = e_value(self.public, data, distid)
        return bytes(gmssl_pyx.sm2_sign_sm3_digest(self.private, digest))

    def unwrap(self, wrapped: bytes, /) -> bytes:
        try:
            return bytes(gmssl_pyx.sm2_decrypt(self.private, wrapped))
        except gmssl_pyx.GmsslInnerError:
            raise Refused(CANNOT_OPEN) from None

    def facing(self, peer_public_hex: str, *, distid: str = DISTID) -> WireEnvelope:
        """The envelope between us and one peer, known by its public key in hexadecimal."""
        return WireEnvelope(self, public_key(peer_public_hex), distid)


@dataclass(frozen=True, slots=True)
class WireEnvelope:
    """Signs with our key, checks with the peer's; seals for the peer, opens what is for us.

    A sealed part is ``BCP1 ‖ length of the wrapped key (2) ‖ wrapped key ‖ nonce (12) ‖ text ‖
    tag (16)``; everything before the text is authenticated with it.
    """

    own: KeyHolder
    peer: bytes
    distid: str = DISTID

    def sign(self, data: bytes, /) -> bytes:
        """SM2 with SM3, Z by the bank's distid, usually 1234567812345678; base64 of DER."""
        return base64.b64encode(self.own.sign(data, self.distid))

    def verify(self, data: bytes, signature: bytes, /) -> bool:
        """True only for the peer's signature over exactly these bytes."""
        try:
            der = base64.b64decode(signature.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        if not 0 < len(der) <= SIGNATURE_MOST:
            return False
        try:
            digest = e_value(self.peer, data, self.distid)
            return bool(gmssl_pyx.sm2_verify_sm3_digest(self.peer, digest, der))
        except gmssl_pyx.GmsslInnerError:
            return False

    def seal(self, plain: bytes, /) -> bytes:
        """Encrypt one whole part for the peer: fresh data key, fresh 96-bit nonce."""
        key = secrets.token_bytes(KEY_BYTES)
        nonce = secrets.token_bytes(NONCE_BYTES)
        wrapped: bytes = gmssl_pyx.sm2_encrypt(self.peer, key)
        head = MAGIC + len(wrapped).to_bytes(LENGTH_BYTES, "big") + wrapped + nonce
        return head + encrypt(key, nonce, plain, head)

    def open(self, sealed: bytes, /) -> bytes:
        """The text of a part sealed for us.

        Raises:
            Refused: not for us, cut short, or changed on its way.
        """
        start = len(MAGIC) + LENGTH_BYTES
        wrapped_to = start + int.from_bytes(sealed[len(MAGIC) : start], "big")
        text_from = wrapped_to + NONCE_BYTES
        if not sealed.startswith(MAGIC) or len(sealed) < text_from + TAG_BYTES:
            raise Refused(CANNOT_OPEN)
        key = self.own.unwrap(sealed[start:wrapped_to])
        if len(key) != KEY_BYTES:
            raise Refused(CANNOT_OPEN)
        nonce = sealed[wrapped_to:text_from]
        return decrypt(key, nonce, sealed[text_from:], sealed[:text_from])

    def new_field_key(self) -> WireFieldKey:
        """A fresh data key for the personal fields of one body, wrapped for the peer."""
        key = secrets.token_bytes(KEY_BYTES)
        wrapped: bytes = gmssl_pyx.sm2_encrypt(self.peer, key)
        return WireFieldKey(base64.b64encode(wrapped).decode(), key_id(self.peer), key)

    def field_key(self, wrapped: str, /) -> WireFieldKey:
        """The data key that the peer wrapped for us. Raises Refused where it is not ours."""
        try:
            key = self.own.unwrap(base64.b64decode(wrapped, validate=True))
        except (binascii.Error, ValueError):
            raise Refused(CANNOT_OPEN) from None
        if len(key) != KEY_BYTES:
            raise Refused(CANNOT_OPEN)
        return WireFieldKey(wrapped, key_id(self.own.public), key)


@dataclass(frozen=True, slots=True)
class WireFieldKey:
    """Seals values one by one: base64 of nonce (12) ‖ text ‖ tag (16), bound to their place."""

    wrapped: str
    kid: str
    key: bytes = field(repr=False)

    def seal(self, value: str, place: bytes, /) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + encrypt(self.key, nonce, value.encode(), place)).decode()

    def open(self, sealed: str, place: bytes, /) -> str:
        """Raises Refused where the text is not for this place, or was changed."""
        try:
            content = base64.b64decode(sealed, validate=True)
            if len(content) < NONCE_BYTES + TAG_BYTES:
                raise Refused(CANNOT_OPEN)
            plain = decrypt(self.key, content[:NONCE_BYTES], content[NONCE_BYTES:], place)
            return plain.decode()
        except (binascii.Error, ValueError):
            raise Refused(CANNOT_OPEN) from None


def e_value(public: bytes, data: bytes, distid: str) -> bytes:
    """e = SM3(Z ‖ data) of GB/T 32918.2, where Z binds the signer's name and key."""
    name = distid.encode()
    z = sm3((len(name) * 8).to_bytes(2, "big") + name + CURVE + public)
    running = hashlib.new("sm3", z)
    running.update(data)
    return running.digest()


def key_id(public: bytes) -> str:
    """Names a public key on the wire: the first 16 hexadecimal digits of its SM3."""
    return sm3(public).hex()[:16]


def store(keys: WireKeys, path: Path) -> None:
    """Written apart and linked: two first starts at once end with one and the same key."""
    apart = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(apart, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{keys.private.hex()}\n{keys.public.hex()}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(apart, path)
    except FileExistsError:
        return
    finally:
        apart.unlink()


def public_key(text: str) -> bytes:
    """64 bytes x‖y from hexadecimal (raw, 04-prefixed or compressed).

    Raises:
        Refused: not a point of the curve.
    """
    try:
        return bytes(gmssl_pyx.normalize_sm2_public_key(text.strip()))
    except (gmssl_pyx.InvalidValueError, ValueError):
        raise Refused("对方的 SM2 公钥不正确，请核对后重新登记。") from None


def encrypt(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """SM4-GCM (RFC 8998): the text, then the 16-byte tag."""
    encryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(associated)
    return bytes(encryptor.update(plain) + encryptor.finalize() + encryptor.tag)


def decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    """The text under its tag. Raises Refused where either was changed."""
    text, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    decryptor = Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
    decryptor.authenticate_additional_data(associated)
    try:
        return bytes(decryptor.update(text) + decryptor.finalize())
    except InvalidTag:
        raise Refused(CANNOT_OPEN) from None
