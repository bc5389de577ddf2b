"""Finds out which security protocol a server wants, after FreeRDP could not agree with it, and
whether it is an RDP server at all.

FreeRDP does not say why: this asks the server once more (MS-RDPBCGR 2.2.1.1), and sends nothing
else.
"""

from __future__ import annotations

import asyncio
import socket
import struct

RDP, TLS, NLA = "rdp", "tls", "nla"
"""The values of the parameter `security`."""
TIMEOUT = 5.0
"""Seconds that a server has to answer."""
REQUEST = bytes.fromhex("03000013 0ee00000000000 01000800 0b000000")
"""A TPKT header, an X.224 connection request, and a negotiation request for TLS and NLA."""
_ANSWER = struct.Struct(">BxHBBxxxxx")
"""The TPKT header and an X.224 connection confirm."""
_NEGOTIATION = struct.Struct("<BxHI")
_TPKT, _CONFIRM = 3, 0xD0
_RESPONSE, _FAILURE = 2, 3
_SELECTED = {0: RDP, 1: TLS, 2: NLA, 8: NLA}
"""Protocols (2.2.1.2.1)."""
_REQUIRED = {1: TLS, 2: RDP, 3: RDP, 5: NLA}
"""The protocols that codes of failures ask for (2.2.1.2.2)."""
_OTHERS = {b"SSH-": "SSH", b"RFB ": "VNC", b"HTTP": "HTTP", b"\x15\x03": "TLS", b"\xff": "Telnet"}
"""The first bytes that servers of other protocols send, by themselves or as they refuse `REQUEST`
(RFC 4253 4.2, RFC 6143 7.1.1, RFC 9112 4, RFC 8446 6, RFC 854)."""


class NotRdpError(Exception):
    """The server has sent what is not RDP; the message is the name of its protocol, or empty."""


async def wanted(sock: socket.socket) -> str | None:
    """Return the protocol that the server at the other end wants, and close the connection; None
    if it does not say.

    Raises:
        NotRdpError: it does not speak RDP.
    """
    loop = asyncio.get_running_loop()
    size, answer = _ANSWER.size + _NEGOTIATION.size, b""
    with sock:
        try:
            async with asyncio.timeout(TIMEOUT):
                await loop.sock_sendall(sock, REQUEST)
                while len(answer) < _length(answer, size):
                    data = await loop.sock_recv(sock, size - len(answer))
                    if not data:
                        break
                    answer += data
        except (OSError, TimeoutError):
            pass
    if answer and answer[0] != _TPKT:
        raise NotRdpError(_speaks(answer))
    return parse(answer)


def parse(answer: bytes) -> str | None:
    """Return the protocol that a server names in its answer to `REQUEST`; None if it is not one."""
    if len(answer) < _ANSWER.size:
        return None
    version, length, _, kind = _ANSWER.unpack_from(answer)
    if version != _TPKT or kind != _CONFIRM:
        return None
    if length == _ANSWER.size:
        return RDP  # it is older than the negotiation
    if len(answer) < _ANSWER.size + _NEGOTIATION.size:
        return None
    kind, _, value = _NEGOTIATION.unpack_from(answer, _ANSWER.size)
    return {_RESPONSE: _SELECTED, _FAILURE: _REQUIRED}.get(kind, {}).get(value)


def _speaks(answer: bytes) -> str:
    """Return the name of the protocol whose servers begin like this; empty if it is unknown."""
    return next((name for start, name in _OTHERS.items() if answer.startswith(start)), "")


def _length(answer: bytes, most: int) -> int:
    """Return how long an answer that begins like this will be, as far as it matters."""
    if answer and answer[0] != _TPKT:
        return 4  # it is another protocol, whose name these bytes show
    if len(answer) < _ANSWER.size:
        return _ANSWER.size
    return min(int.from_bytes(answer[2:4], "big"), most)
