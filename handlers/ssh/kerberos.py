"""Login by Kerberos (GSSAPI, RFC 4462), with tickets that the operator keeps for the daemon.

The tickets are those of one account, whoever connects. So they are used only where the settings
name the cache that holds them, and where an operator, not a client, has asked for it.
"""

from __future__ import annotations

from guacr.errors import BadRequestError, ForbiddenError, UnauthorizedError
from guacr.session.origin import Origin

PARAMETER = "gss-auth"


def check_allowed(cache: str, origin: Origin) -> None:
    """Refuse what the settings do not allow.

    Raises:
        ForbiddenError: a client has set the parameter.
        BadRequestError: the settings name no cache.
    """
    if PARAMETER not in origin.trusted:
        raise ForbiddenError(
            f"parameter {PARAMETER} logs in with tickets of the daemon, which clients may not use: "
            "set it in a connection of the configuration, or in a token"
        )
    if not cache:
        raise BadRequestError(
            f"parameter {PARAMETER} needs tickets: name the cache that holds them in the setting "
            "kerberos_cache under [ssh]"
        )


def check_tickets(cache: str) -> None:
    """Whether a cache holds tickets that are valid now; reads files.

    Raises:
        BadRequestError: the library for Kerberos is not installed.
        UnauthorizedError: it does not; the message says why.
    """
    try:
        from gssapi import Credentials
        from gssapi.exceptions import GSSError
    except (ImportError, OSError):
        raise BadRequestError(
            f"parameter {PARAMETER} needs a library on the daemon's machine: "
            "install guacr[kerberos]"
        ) from None
    try:
        lifetime = Credentials(usage="initiate", store={"ccache": cache}).lifetime
    except GSSError as error:
        raise UnauthorizedError(
            f"there is no ticket for a login by Kerberos: {_reason(error)}: renew it with kinit"
        ) from None
    if lifetime == 0:
        raise UnauthorizedError(
            "the ticket for logins by Kerberos has expired: renew it with kinit"
        )


def _reason(error: Exception) -> str:
    """What Kerberos itself says, the last part of what the library says."""
    text = str(error).rpartition("Minor")[2].rpartition("): ")[2] or str(error)
    return " ".join(text.split())[:200]
