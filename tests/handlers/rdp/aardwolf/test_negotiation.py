"""The choice of a security protocol: a server may choose one of those that were offered."""

from __future__ import annotations

import socket
import struct

import pytest

from handlers.rdp.aardwolf.errors import DISAGREED, EndError
from handlers.rdp.aardwolf.link import Link
from handlers.rdp.aardwolf.negotiation import NLA, NLA_EXTENDED, RDP, TLS, negotiate, offered
from handlers.rdp.aardwolf.settings import Settings

OLD = bytes.fromhex("0300000b06d00000123400")


def confirm(protocol: int) -> bytes:
    return bytes.fromhex("030000130ed0000012340002000800") + struct.pack("<I", protocol)


def settings(*names: str) -> Settings:
    made = Settings()
    for name in ("TlsSecurity", "NlaSecurity", "ExtSecurity", "UseRdpSecurityLayer"):
        made.put(name, str(name in names).upper())
    return made


def chosen(answer: bytes, wanted: Settings) -> int | None:
    ours, theirs = socket.socketpair()
    link = Link(ours.detach())
    try:
        with theirs:
            theirs.send(answer)
            return negotiate(link, wanted)
    except EndError as error:
        return None if error.name == DISAGREED else -1
    finally:
        link.close()


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        (("UseRdpSecurityLayer",), {RDP}),
        (("TlsSecurity",), {TLS}),
        (("NlaSecurity",), {NLA}),
        (("NlaSecurity", "ExtSecurity"), {NLA, NLA_EXTENDED}),
        (("TlsSecurity", "NlaSecurity"), {TLS, NLA}),
    ],
)
def test_only_one_of_the_offered_protocols(names: tuple[str, ...], allowed: set[int]) -> None:
    wanted = settings(*names)
    assert offered(wanted) == sum(allowed)
    for protocol in (*range(20), 1 << 31):
        found = chosen(confirm(protocol), wanted)
        assert found == (protocol if protocol in allowed else None), protocol
    assert chosen(OLD, wanted) == (RDP if RDP in allowed else None)
