"""UltraVNC's MS-Logon II (type 113): a Windows account under DES, with a key from Diffie-Hellman.

The exchange has 64 bits, so an eavesdropper can compute the password.
"""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from handlers.vnc.rfb.security.dh import agree, padded
from handlers.vnc.rfb.security.vnc import reversed_bits

NUMBER_SIZE = 8
"""Bytes of the generator, of the modulus and of each key."""
USERNAME_SIZE, PASSWORD_SIZE = 256, 64
"""Bytes of the fields, each with a NUL."""


def response(numbers: bytes, username: str, password: str) -> bytes:
    """Return the client's public key and the encrypted credentials for the server's generator,
    modulus and public key.

    Raises:
        UpstreamError: the numbers offer no protection at all.
    """
    generator, modulus, server_key = (
        numbers[at : at + NUMBER_SIZE] for at in range(0, 3 * NUMBER_SIZE, NUMBER_SIZE)
    )
    agreed = agree(int.from_bytes(generator, "big"), modulus, server_key)
    fields = (padded(username, USERNAME_SIZE), padded(password, PASSWORD_SIZE))
    return agreed.public + b"".join(_encrypted(agreed.shared, field) for field in fields)


def _encrypted(key: bytes, field: bytes) -> bytes:
    """Encrypt with DES in CBC mode; the key, whose bits are reversed only for DES, is also the
    initialization vector."""
    # TripleDES with three equal keys is plain DES.
    algorithm = TripleDES(reversed_bits(key) * 3)
    encryptor = Cipher(algorithm, modes.CBC(key)).encryptor()
    return encryptor.update(field) + encryptor.finalize()
