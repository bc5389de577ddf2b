"""What servers say about their security protocols, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from handlers.rdp import negotiation
from handlers.rdp.negotiation import NLA, RDP, REQUEST, TLS, NotRdpError, parse, wanted

CONFIRM = "0300{:04x} {:02x}d00000123400"


def answer(negotiated: str = "") -> bytes:
    length = 11 + len(bytes.fromhex(negotiated))
    return bytes.fromhex(CONFIRM.format(length, length - 5) + negotiated)


@pytest.mark.parametrize(
    ("negotiated", "protocol"),
    [
        ("02 1f 0800 00000000", RDP),
        ("02 1f 0800 01000000", TLS),
        ("02 1f 0800 02000000", NLA),
        ("02 1f 0800 08000000", NLA),
        ("02 1f 0800 04000000", None),
        ("03 00 0800 01000000", TLS),
        ("03 00 0800 02000000", RDP),
        ("03 00 0800 03000000", RDP),
        ("03 00 0800 05000000", NLA),
        ("03 00 0800 04000000", None),
        ("09 00 0800 01000000", None),
        ("", RDP),
    ],
)
def test_answers(negotiated: str, protocol: str | None) -> None:
    whole = answer(negotiated)
    assert parse(whole) == protocol
    for size in range(len(whole)):
        assert parse(whole[:size]) is None


@pytest.mark.parametrize("garbage", [b"", b"HTTP/1.1 400 Bad Request\r\n", bytes(19), b"\3" * 19])
def test_garbage(garbage: bytes) -> None:
    assert parse(garbage) is None


async def asked(*parts: bytes, close: bool = True) -> str | None:
    """What `wanted` makes of a server's answer, which arrives in parts."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    with theirs:
        question = asyncio.create_task(wanted(ours))
        assert await loop.sock_recv(theirs, 100) == REQUEST
        for part in parts:
            await loop.sock_sendall(theirs, part)
        if close:
            theirs.shutdown(socket.SHUT_RDWR)
        protocol = await question
    assert ours.fileno() == -1
    return protocol


async def test_the_request() -> None:
    """As MS-RDPBCGR 2.2.1.1 describes it."""
    version, size, length, kind = struct.unpack_from(">BxHBB", REQUEST)
    assert (version, size, length, kind) == (3, len(REQUEST), len(REQUEST) - 5, 0xE0)
    assert struct.unpack_from("<BBHI", REQUEST, 11) == (1, 0, 8, 0b1011)


async def test_servers() -> None:
    whole = answer("02 1f 0800 01000000")
    assert await asked(whole, close=False) == TLS
    assert await asked(*(whole[at : at + 1] for at in range(len(whole))), close=False) == TLS
    assert await asked(answer(), close=False) == RDP
    assert await asked(whole[:-1]) is None
    assert await asked() is None


async def test_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(negotiation, "TIMEOUT", 0.05)
    assert await asked(close=False) is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"RFB 003.008\n", "VNC"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"\x15\x03\x01\0\2\2\x46", "TLS"),
        (b"\xff\xfd\x18\xff\xfd\x20", "Telnet"),
        (b"220 mail.example ESMTP\r\n", ""),
        (b"S", ""),
    ],
)
async def test_servers_of_other_protocols(said: bytes, name: str) -> None:
    with pytest.raises(NotRdpError) as raised:
        await asked(said)
    assert str(raised.value) == name
    if len(said) >= 4:
        with pytest.raises(NotRdpError):
            await asked(*(said[at : at + 1] for at in range(len(said))), close=False)
