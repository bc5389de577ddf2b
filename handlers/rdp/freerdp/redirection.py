"""Reads from FreeRDP's settings where a server redirects its client to."""

from __future__ import annotations

from handlers.rdp.channel.redirection import Redirected
from handlers.rdp.freerdp.settings import Settings

HAS_RDSTLS = 3
"""The major version from which on encrypted passwords can be used."""
NET_ADDRESS, TOKEN, USERNAME, DOMAIN, PASSWORD = 0x1, 0x2, 0x4, 0x8, 0x10
FQDN, NETBIOS, NET_ADDRESSES, GUID, CERTIFICATE = 0x100, 0x200, 0x800, 0x8000, 0x10000
"""Flags of the fields that a redirection has (MS-RDPBCGR 2.2.13.1)."""


def redirected(settings: Settings, major: int) -> Redirected:
    """Return the redirection that FreeRDP, of this major version, has stored."""
    flags = settings.number("RedirectionFlags")

    def text(flag: int, name: str) -> str:
        return settings.text(name) if flags & flag else ""

    def block(flag: int, name: str) -> bytes:
        return settings.block(name) if flags & flag else b""

    return Redirected(
        flags,
        text(FQDN, "RedirectionTargetFQDN"),
        text(NET_ADDRESS, "TargetNetAddress"),
        text(NETBIOS, "RedirectionTargetNetBiosName"),
        " ".join(settings.addresses()) if flags & NET_ADDRESSES else "",
        block(TOKEN, "LoadBalanceInfo"),
        text(USERNAME, "RedirectionUsername"),
        text(DOMAIN, "RedirectionDomain"),
        block(PASSWORD, "RedirectionPassword"),
        block(GUID, "RedirectionGuid"),
        # FreeRDP 2 keeps a form of its own, and does not know what encrypted passwords are for
        text(CERTIFICATE, "RedirectionAcceptedCert").encode() if major >= HAS_RDSTLS else b"",
        major >= HAS_RDSTLS,
    )
