"""Diffie-Hellman for the logins of Apple and UltraVNC, with numbers that the server chooses."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from handlers.vnc.rfb.context import broken

SECRET_MAX = 1 << 512
"""Bound of the client's secret: longer ones add no security, and take time."""
PART = 32
"""Bits of an exponent that are computed at a time."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The result of the key agreement, as big-endian bytes as long as the modulus."""

    public: bytes
    """The client's key, for the server."""
    shared: bytes


def agree(generator: int, modulus: bytes, server_key: bytes) -> Agreement:
    """Choose a key, and combine it with the server's.

    Raises:
        UpstreamError: with these numbers, anybody could read the password.
    """
    prime, other = int.from_bytes(modulus, "big"), int.from_bytes(server_key, "big")
    if prime < 5 or not prime & 1 or not 1 < other < prime - 1 or not 1 < generator < prime - 1:
        raise broken("numbers for a key exchange that protect nothing")
    secret = 2 + secrets.randbelow(min(prime - 3, SECRET_MAX))
    size = len(modulus)
    return Agreement(
        _power(generator, secret, prime).to_bytes(size, "big"),
        _power(other, secret, prime).to_bytes(size, "big"),
    )


def _power(base: int, exponent: int, modulus: int) -> int:
    """Like pow, in parts: on a thread, pow would keep the event loop waiting for the interpreter
    lock until it has ended."""
    result = 1
    for at in reversed(range(0, exponent.bit_length(), PART)):
        part = exponent >> at & (1 << PART) - 1
        result = pow(result, 1 << PART, modulus) * pow(base, part, modulus) % modulus
    return result


def padded(text: str, size: int) -> bytes:
    """Return a text of up to `size` - 1 bytes, followed by a NUL and random bytes up to `size`."""
    data = text.encode()[: size - 1] + b"\0"
    return data + secrets.token_bytes(size - len(data))
