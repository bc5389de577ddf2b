"""VNC authentication (RFC 6143, 7.2.2): the challenge is encrypted with the password."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

PASSWORD_MAX = 8
"""Characters of a password that are used."""
CHALLENGE_SIZE = 16


def response(challenge: bytes, password: str) -> bytes:
    """Return the challenge, encrypted with DES."""
    key = password.encode("latin-1", "replace")[:PASSWORD_MAX].ljust(PASSWORD_MAX, b"\0")
    # Three times the same key is plain DES.
    encryptor = Cipher(TripleDES(reversed_bits(key) * 3), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(challenge)


def reversed_bits(key: bytes) -> bytes:
    """Return a key of DES as VNC has it: the bits of each byte are reversed."""
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in key)
