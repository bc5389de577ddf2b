"""Diffie-Hellman groups that are chosen by the host (RFC 4419).

cryptography checks whether the modulus of an unknown group is a safe prime, which takes a second
with 2,048 bits and minutes with 8,192, on the event loop. This is unnecessary, and OpenSSH's client
does not do it either: a host that chooses a bad group harms only the connection to itself.
"""

from __future__ import annotations

import secrets

from guacr.sshlib import asyncssh, asyncssh_kex_dh

BITS_MIN, BITS_MAX = asyncssh_kex_dh.KEX_DH_GEX_MIN_SIZE, asyncssh_kex_dh.KEX_DH_GEX_MAX_SIZE
"""The sizes of a modulus that are requested, in bits."""
EXPONENT_BITS = 512
"""Bits of the secret exponent: twice the longest cipher key (RFC 4419, section 6.2)."""

_Known = vars(asyncssh_kex_dh)["DH"]
_KNOWN = frozenset((generator, modulus) for _, generator, modulus in asyncssh_kex_dh._dh_gex_groups)


class ForeignGroup:
    """Replaces asyncssh's `DH` for a group that is not predefined.

    Raises:
        asyncssh.KeyExchangeFailed: the group, or the host's public value, is not usable.
    """

    def __init__(self, generator: int, modulus: int) -> None:
        if not BITS_MIN <= modulus.bit_length() <= BITS_MAX:
            raise asyncssh.KeyExchangeFailed(
                f"the host's Diffie-Hellman group has {modulus.bit_length()} bits, but {BITS_MIN} "
                f"to {BITS_MAX} are accepted"
            )
        self._generator, self._modulus = generator, modulus
        self._check(generator)
        if not modulus % 2:
            raise _unusable()
        self._secret = secrets.randbits(EXPONENT_BITS) | 1 << EXPONENT_BITS - 1

    def get_public(self) -> int:
        """The public value for the host."""
        public = pow(self._generator, self._secret, self._modulus)
        self._check(public)
        return public

    def get_shared(self, peer_public: int) -> int:
        """The shared secret."""
        self._check(peer_public)
        shared = pow(peer_public, self._secret, self._modulus)
        self._check(shared)
        return shared

    def _check(self, number: int) -> None:
        if not 1 < number < self._modulus - 1:
            raise _unusable()


def _unusable() -> asyncssh.KeyExchangeFailed:
    return asyncssh.KeyExchangeFailed("the host's Diffie-Hellman values are invalid")


def _group(generator: int, modulus: int) -> object:
    if (generator, modulus) in _KNOWN:
        return _Known(generator, modulus)
    return ForeignGroup(generator, modulus)


def bound_group_exchange() -> None:
    """Make asyncssh use `ForeignGroup` if a host chooses the group."""
    setattr(asyncssh_kex_dh, "DH", _group)  # noqa: B010 - it is a module's
