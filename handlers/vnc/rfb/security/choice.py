"""The choice among the security types that a server offers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from guacr.api import UnsupportedError
from handlers.vnc.rfb import numbers

TYPES_SHOWN = 8
"""Security types that an error names."""
RSA_TYPES = (numbers.RA2_256, numbers.RA2, numbers.RA2NE_256, numbers.RA2NE)
"""RSA-AES, those first that encrypt the whole session."""
WITH_USERNAME = (numbers.APPLE, numbers.MS_LOGON_2)
"""Types that want a user name, the better one first."""

ENCRYPTED = (numbers.TLS, numbers.VENCRYPT)
"""Types that start TLS, and what follows inside."""

PLAIN = 256
X509_TYPES = {260: numbers.NONE, 261: numbers.VNC_AUTHENTICATION, 262: PLAIN}
"""VeNCrypt with a certificate, and what follows inside TLS."""
TLS_TYPES = {257: numbers.NONE, 258: numbers.VNC_AUTHENTICATION, 259: PLAIN}
"""The same with anonymous TLS."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The conditions of the choice."""

    username: bool
    """There is a user name."""
    verified_only: bool
    """Only types with a key of the server are acceptable."""


def choose(offered: Collection[int], terms: Terms) -> int:
    """Return the best type that suits the credentials.

    Raises:
        UnsupportedError: there is none.
    """
    known = [numbers.VENCRYPT, numbers.TLS, numbers.NONE, *RSA_TYPES]
    if terms.verified_only:
        known = [*RSA_TYPES, numbers.VENCRYPT]
    elif terms.username:
        known += [*WITH_USERNAME, numbers.VNC_AUTHENTICATION]
    else:
        known += [numbers.VNC_AUTHENTICATION, *WITH_USERNAME]
    for number in known:
        if number in offered:
            return number
    if terms.verified_only:
        raise _unverified(offered)
    raise UnsupportedError(
        f"the VNC server offers only security types that are not supported ({_names(offered)}): "
        "have it offer VeNCrypt, RSA-AES, a VNC password or none"
    )


def choose_vencrypt(offered: Collection[int], terms: Terms) -> int:
    """Return the best type within VeNCrypt.

    Raises:
        UnsupportedError: there is none.
    """
    inner = [numbers.NONE, numbers.VNC_AUTHENTICATION, PLAIN]
    if terms.username:
        inner = [numbers.NONE, PLAIN, numbers.VNC_AUTHENTICATION]
    encrypted = (X509_TYPES,) if terms.verified_only else (X509_TYPES, TLS_TYPES)
    known = [
        number
        for wanted in inner
        for types in encrypted
        for number, inside in types.items()
        if inside == wanted
    ]
    if not terms.verified_only:
        known += inner
    for number in known:
        if number in offered:
            return number
    if terms.verified_only:
        raise _unverified(offered)
    raise UnsupportedError(
        f"the VNC server offers only VeNCrypt types that are not supported ({_names(offered)})"
    )


def _unverified(offered: Collection[int]) -> UnsupportedError:
    return UnsupportedError(
        f"the VNC server offers only security types without a key of its own ({_names(offered)}): "
        "have it offer X509 or RSA-AES, or remove cert-fingerprints"
    )


def _names(offered: Collection[int]) -> str:
    """Return the first of the security types, for an error."""
    shown = ", ".join(map(str, sorted(set(offered))[:TYPES_SHOWN]))
    return shown if len(set(offered)) <= TYPES_SHOWN else f"{shown}, and others"
