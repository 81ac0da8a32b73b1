"""The bank's side of the wire's crypto, written from the interface page (§2.5, §2.6)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import gmssl_pyx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.bank.profiles import STANDARD, Profile

SIGNATURE_MOST = 72


class Unopenable(Exception):
    """Not sealed for this bank, or changed on its way."""


def sm3_hex(data: bytes) -> str:
    return hashlib.new("sm3", data).hexdigest()


@dataclass(frozen=True, slots=True)
class Crypto:
    """One bank's pair and the county platform's public key, all raw bytes."""

    public: bytes
    private: bytes = field(repr=False)
    peer: bytes
    profile: Profile = STANDARD

    def sign(self, data: bytes) -> bytes:
        who = self.profile.distid.encode()
        return base64.b64encode(gmssl_pyx.sm2_sign(self.private, self.public, data, signer_id=who))

    def verify(self, data: bytes, signature: bytes) -> bool:
        try:
            der = base64.b64decode(signature.strip(), validate=True)
            return 0 < len(der) <= SIGNATURE_MOST and bool(
                gmssl_pyx.sm2_verify(self.peer, data, der, signer_id=self.profile.distid.encode())
            )
        except (binascii.Error, ValueError, gmssl_pyx.GmsslInnerError):
            return False

    def seal(self, plain: bytes) -> bytes:
        key, nonce = os.urandom(16), os.urandom(12)
        wrapped: bytes = gmssl_pyx.sm2_encrypt(self.peer, key)
        head = b"BCP1" + len(wrapped).to_bytes(2, "big") + wrapped + nonce
        machine = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        machine.authenticate_additional_data(head)
        text: bytes = machine.update(plain) + machine.finalize()
        return head + text + machine.tag

    def open(self, sealed: bytes) -> bytes:
        at = 6 + int.from_bytes(sealed[4:6], "big")
        if sealed[:4] != b"BCP1" or len(sealed) < at + 28:
            raise Unopenable
        head, text, tag = sealed[: at + 12], sealed[at + 12 : -16], sealed[-16:]
        try:
            key = gmssl_pyx.sm2_decrypt(self.private, sealed[6:at])
            machine = Cipher(algorithms.SM4(key), modes.GCM(head[at:], tag)).decryptor()
            machine.authenticate_additional_data(head)
            return bytes(machine.update(text) + machine.finalize())
        except (gmssl_pyx.GmsslInnerError, InvalidTag, ValueError):
            raise Unopenable from None

    def certificate(self, bank: str) -> str:
        """How this key is named in the headers of a call."""
        return f"{bank}-{sm3_hex(self.public)[:16]}"

    def hide(self, key: bytes, value: str, place: str) -> str:
        """One personal field: base64 of nonce, text and tag, bound to its place."""
        nonce = os.urandom(12)
        machine = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        machine.authenticate_additional_data(place.encode())
        text = machine.update(value.encode()) + machine.finalize()
        return base64.b64encode(nonce + text + machine.tag).decode()

    def show(self, key: bytes, hidden: str, place: str) -> str:
        try:
            raw = base64.b64decode(hidden, validate=True)
            machine = Cipher(algorithms.SM4(key), modes.GCM(raw[:12], raw[-16:])).decryptor()
            machine.authenticate_additional_data(place.encode())
            return bytes(machine.update(raw[12:-16]) + machine.finalize()).decode()
        except (InvalidTag, ValueError):
            raise Unopenable from None

    def wrap(self, key: bytes) -> str:
        return base64.b64encode(gmssl_pyx.sm2_encrypt(self.peer, key)).decode()

    def unwrap(self, wrapped: str) -> bytes:
        try:
            return bytes(gmssl_pyx.sm2_decrypt(self.private, base64.b64decode(wrapped)))
        except (gmssl_pyx.GmsslInnerError, ValueError):
            raise Unopenable from None


def pair(path: Path) -> tuple[bytes, bytes]:
    """Public and private key of a file, made 0600 when it is not there yet."""
    if not path.exists():
        public, private = gmssl_pyx.sm2_key_generate()
        apart = path.with_name(path.name + ".tmp")
        handle = os.open(apart, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(f"{private.hex()}\n{public.hex()}\n")
        apart.replace(path)
    private_hex, public_hex = path.read_text(encoding="ascii").split()
    return bytes.fromhex(public_hex), bytes.fromhex(private_hex)


def peer_key(path: Path) -> bytes:
    """The platform's public key file: hexadecimal on one line."""
    return bytes(gmssl_pyx.normalize_sm2_public_key(path.read_text(encoding="ascii").strip()))
