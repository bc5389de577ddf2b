"""Apple's login (type 30): user name and password under AES, with a key from Diffie-Hellman."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES128

from handlers.vnc.rfb.security.dh import agree, padded

KEY_MIN, KEY_MAX = 64, 512
"""Bytes of the modulus: shorter ones are insecure, longer ones hold the event loop."""
FIELD_SIZE = 64
"""Bytes of the user name and of the password, each with a NUL."""


def response(
    generator: int, modulus: bytes, server_key: bytes, username: str, password: str
) -> bytes:
    """Return the encrypted credentials and the client's public key.

    Raises:
        UpstreamError: the server's numbers are insecure.
    """
    agreed = agree(generator, modulus, server_key)
    key = hashlib.md5(agreed.shared, usedforsecurity=False).digest()
    encryptor = Cipher(AES128(key), modes.ECB()).encryptor()  # noqa: S305 - the protocol's choice
    fields = padded(username, FIELD_SIZE) + padded(password, FIELD_SIZE)
    return encryptor.update(fields) + encryptor.finalize() + agreed.public
