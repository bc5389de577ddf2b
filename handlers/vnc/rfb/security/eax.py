"""AES in EAX mode (Bellare, Rogaway, Wagner): CTR for secrecy, CMAC for integrity."""

from __future__ import annotations

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.cmac import CMAC

TAG_SIZE = 16
NONCE, HEADER, MESSAGE = range(3)


class Eax:
    """One key of 16 or 32 bytes; no nonce may be used twice to seal."""

    __slots__ = ("_key", "_prefixed")

    def __init__(self, key: bytes) -> None:
        self._key = AES(key)
        self._prefixed = []
        for kind in (NONCE, HEADER, MESSAGE):
            mac = CMAC(self._key)
            mac.update(kind.to_bytes(16, "big"))
            self._prefixed.append(mac)

    def seal(self, nonce: bytes, header: bytes, data: bytes) -> bytes:
        """Return the encrypted data and their tag."""
        start = self._mac(NONCE, nonce)
        encrypted = self._ctr(start, data)
        return encrypted + self._tag(start, header, encrypted)

    def open(self, nonce: bytes, header: bytes, sealed: bytes) -> bytes | None:
        """Return the data, or None if they are not those that were sealed."""
        start = self._mac(NONCE, nonce)
        encrypted, tag = sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]
        if not hmac.compare_digest(tag, self._tag(start, header, encrypted)):
            return None
        return self._ctr(start, encrypted)

    def _ctr(self, start: bytes, data: bytes) -> bytes:
        return Cipher(self._key, CTR(start)).encryptor().update(data)

    def _tag(self, start: bytes, header: bytes, encrypted: bytes) -> bytes:
        parts = start, self._mac(HEADER, header), self._mac(MESSAGE, encrypted)
        first, second, third = (int.from_bytes(part, "big") for part in parts)
        return (first ^ second ^ third).to_bytes(TAG_SIZE, "big")

    def _mac(self, kind: int, data: bytes) -> bytes:
        mac = self._prefixed[kind].copy()
        mac.update(data)
        return mac.finalize()
