"""Limit the cost of deriving a key from a passphrase.

The text of a key says how often its passphrase is hashed, which slows down guessing. Whoever writes
that number decides how long a thread of the daemon computes, so it needs a limit. asyncssh has
none: its functions are replaced by ones that check the number first.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from guacr.sshlib import asyncssh_pbe, asyncssh_public_key
from handlers.ssh.failures import KeyFormatError

ROUNDS_MAX = 1024
"""Maximum rounds of bcrypt_pbkdf, which OpenSSH's format uses: about ten seconds. ssh-keygen uses
16 or 24 by default."""
ITERATIONS_MAX = 5_000_000
"""Maximum iterations of PBKDF2 and its predecessors, which PEM uses: a few seconds. OpenSSL uses
2,048."""
DERIVED_MAX = 256
"""Maximum bytes that are derived from a passphrase."""


def bound_derivation() -> None:
    """Make asyncssh raise `KeyFormatError` for anything above the limits."""
    for name in ("_pbkdf1", "_pbkdf_p12", "pbkdf2_hmac"):
        setattr(asyncssh_pbe, name, _bounded(vars(asyncssh_pbe)[name]))
    bcrypt = SimpleNamespace(kdf=_bounded_bcrypt(vars(asyncssh_public_key)["bcrypt"].kdf))
    setattr(asyncssh_public_key, "bcrypt", bcrypt)  # noqa: B010 - it is a module's


def _bounded(derive: Callable[..., bytes]) -> Callable[..., bytes]:
    def bounded(
        kind: object, secret: object, salt: bytes, count: int, size: int, *rest: int
    ) -> bytes:
        _check(count, ITERATIONS_MAX, size, "ssh-keygen -p")
        return derive(kind, secret, salt, count, size, *rest)

    return bounded


def _bounded_bcrypt(derive: Callable[..., bytes]) -> Callable[..., bytes]:
    def bounded(
        secret: bytes, salt: bytes, size: int, rounds: int, ignore_few_rounds: bool = False
    ) -> bytes:
        _check(rounds, ROUNDS_MAX, size, "ssh-keygen -p -a 24")
        return derive(secret, salt, size, rounds, ignore_few_rounds)

    return bounded


def _check(count: int, most: int, size: int, command: str) -> None:
    if count < 1 or not 0 <= size <= DERIVED_MAX:
        raise KeyFormatError("private-key", "cannot be read: its encryption parameters are invalid")
    if count > most:
        raise KeyFormatError(
            "private-key",
            f"hashes its passphrase {count} times, and at most {most} are accepted: re-encrypt it "
            f"with {command}",
        )
