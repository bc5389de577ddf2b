"""ConnectAs blocks as peers make them, by arithmetic of its own for the curve and for HKDF."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

Point = tuple[int, int]

# FIPS 186-4, D.1.2.3
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
PADDED = 92
"""Bytes to which Commander pads the plaintext with spaces."""


def _added(a: Point | None, b: Point | None) -> Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiple(scalar: int, point: Point = G) -> Point:
    """`scalar` times a point of P-256."""
    result: Point | None = None
    addend: Point | None = point
    while scalar:
        if scalar & 1:
            result = _added(result, addend)
        addend = _added(addend, addend)
        scalar >>= 1
    assert result is not None
    return result


def encoded(point: Point) -> bytes:
    """An uncompressed point."""
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def hkdf(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) with an empty salt, for one block of output."""
    extracted = hmac.digest(bytes(32), secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


class Gateway:
    """A private key, and blocks for it."""

    def __init__(self, scalar: int = 0) -> None:
        self.scalar = scalar or secrets.randbelow(N - 1) + 1
        self.public = multiple(self.scalar)

    @property
    def pem(self) -> str:
        """PKCS#8."""
        key = ec.derive_private_key(self.scalar, ec.SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def block(self, content: object) -> bytes:
        """What follows the number in an OpenConnection; bytes are a plaintext as it is."""
        plaintext = content if isinstance(content, bytes) else json.dumps(content).encode()
        own = secrets.randbelow(N - 1) + 1
        shared = multiple(own, self.public)[0].to_bytes(32, "big")
        key = hkdf(shared, b"KEEPER_CONNECT_AS_ECIES_SECP256R1_HKDF_SHA256")
        nonce = secrets.token_bytes(12)
        encrypted = AESGCM(key).encrypt(nonce, plaintext.ljust(PADDED), None)
        return len(encrypted).to_bytes(4, "big") + encoded(multiple(own)) + nonce + encrypted
