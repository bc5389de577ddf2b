"""Login by Kerberos (GSSAPI, RFC 4462), with tickets that the operator keeps for the daemon.

The tickets are those of one account, whoever connects. So they are used only where the settings
name the cache that holds them, and where an operator, not a client, has asked for it and has said
which host and which user they are for.
"""

from __future__ import annotations

from guacr.errors import BadRequestError, ForbiddenError, UnauthorizedError, shorten
from guacr.session.origin import Origin

PARAMETER = "gss-auth"
AIMS = ("hostname", "username")
"""The parameters that say where the tickets are used, and as whom."""


def check_allowed(cache: str, username: str, origin: Origin) -> None:
    """Refuse what the settings do not allow.

    Raises:
        ForbiddenError: a client has set the parameter, or where the tickets are used.
        BadRequestError: the settings name no cache, or the connection no user.
    """
    if PARAMETER not in origin.trusted:
        raise ForbiddenError(
            f"parameter {PARAMETER} logs in with tickets of the daemon, which clients may not use: "
            "set it in a connection of the configuration, or in a token"
        )
    for name in AIMS:
        if name not in origin.trusted:
            raise ForbiddenError(
                f"parameter {PARAMETER} logs in with tickets of the daemon, so clients may not "
                f"choose the {name}: set it beside {PARAMETER}, and do not allow it in the address"
            )
    if not username:  # the person would be asked, and could type any
        raise BadRequestError(f"parameter {PARAMETER} needs a username: set it beside {PARAMETER}")
    if not cache:
        raise BadRequestError(
            f"parameter {PARAMETER} needs tickets: name the cache that holds them in the setting "
            "kerberos_cache under [ssh]"
        )


def check_tickets(cache: str, hostname: str) -> None:
    """Whether a cache holds tickets that are valid now, and the realm has one for a host; reads
    files, and asks the key distribution centre. The host hears nothing of it.

    Raises:
        BadRequestError: the library for Kerberos is not installed.
        UnauthorizedError: it does not; the message says why.
    """
    try:
        from gssapi import Credentials, Name, NameType, SecurityContext
        from gssapi.exceptions import GSSError
    except (ImportError, OSError):
        raise BadRequestError(
            f"parameter {PARAMETER} needs a library on the daemon's machine: "
            "install guacr[kerberos]"
        ) from None
    try:
        credentials = Credentials(usage="initiate", store={"ccache": cache})
        lifetime = credentials.lifetime
    except GSSError as error:
        raise UnauthorizedError(
            f"there is no ticket for a login by Kerberos: {_reason(error)}: renew it with kinit"
        ) from None
    if lifetime == 0:
        raise UnauthorizedError(
            "the ticket for logins by Kerberos has expired: renew it with kinit"
        )
    try:
        name = Name(f"host@{hostname}", NameType.hostbased_service)
        SecurityContext(name=name, creds=credentials, usage="initiate").step()
    except GSSError as error:
        host = shorten(hostname)
        raise UnauthorizedError(
            f"there is no ticket for host {host}: {_reason(error)}: check that the realm has a "
            "principal host/… of this name, and that its key distribution centre can be reached"
        ) from None


def _reason(error: Exception) -> str:
    """What Kerberos itself says, the last part of what the library says."""
    text = str(error).rpartition("Minor")[2].rpartition("): ")[2] or str(error)
    return " ".join(text.split())[:200]
