"""Kerberos login (GSSAPI, RFC 4462), with tickets that the operator keeps for the daemon.

The tickets belong to one account, whoever connects. They are used only if the settings name their
cache, and if an operator, not a client, has requested this and specified the host and the user.
"""

from __future__ import annotations

from guacr.api import BadRequestError, ForbiddenError, Origin, UnauthorizedError, shorten

PARAMETER = "gss-auth"
AIMS = ("hostname", "username")
"""The parameters that determine where the tickets are used, and as whom."""


def check_allowed(cache: str, username: str, origin: Origin) -> None:
    """Check that Kerberos may be used.

    Raises:
        ForbiddenError: a client has set the parameter, the host or the user.
        BadRequestError: the settings name no cache, or the connection no user.
    """
    if PARAMETER not in origin.trusted:
        raise ForbiddenError(
            f"parameter {PARAMETER} logs in with the daemon's tickets, which clients may not use: "
            "set it in a connection of the configuration, or in a token"
        )
    for name in AIMS:
        if name not in origin.trusted:
            raise ForbiddenError(
                f"parameter {PARAMETER} logs in with the daemon's tickets, so clients may not "
                f"choose the {name}: set it with {PARAMETER}, and do not allow it in the URL"
            )
    if not username:  # the person would be asked, and could type any name
        raise BadRequestError(f"parameter {PARAMETER} needs a username: set it with {PARAMETER}")
    if not cache:
        raise BadRequestError(
            f"parameter {PARAMETER} needs tickets: name their cache in the setting "
            "kerberos_cache under [ssh]"
        )


def check_tickets(cache: str, hostname: str) -> None:
    """Check that a cache has valid tickets, and that the realm issues one for a host.

    This reads files, and queries the key distribution centre. The host is not contacted.

    Raises:
        BadRequestError: the Kerberos library is not installed.
        UnauthorizedError: a ticket is missing; the message says why.
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
            f"there is no ticket for Kerberos logins: {_reason(error)}: renew it with kinit"
        ) from None
    if lifetime == 0:
        raise UnauthorizedError("the ticket for Kerberos logins has expired: renew it with kinit")
    try:
        name = Name(f"host@{hostname}", NameType.hostbased_service)
        SecurityContext(name=name, creds=credentials, usage="initiate").step()
    except GSSError as error:
        host = shorten(hostname)
        raise UnauthorizedError(
            f"there is no ticket for host {host}: {_reason(error)}: check that the realm has a "
            "principal host/… with this name, and that its key distribution centre is reachable"
        ) from None


def _reason(error: Exception) -> str:
    """Kerberos' own message, which is the last part of the library's."""
    text = str(error).rpartition("Minor")[2].rpartition("): ")[2] or str(error)
    return " ".join(text.split())[:200]
