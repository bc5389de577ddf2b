"""The steps before the connection: preconnection data (MS-RDPEPS 2.2.1), and the choice of a
security protocol (MS-RDPBCGR 2.2.1.1 and 2.2.1.2)."""

from __future__ import annotations

import struct

from handlers.rdp.aardwolf.errors import DISAGREED, LOST, EndError
from handlers.rdp.aardwolf.link import TPKT, Link, tpkt
from handlers.rdp.aardwolf.settings import Settings

RDP, TLS, NLA, NLA_EXTENDED = 0, 1, 2, 8
"""Protocols (2.2.1.2.1)."""
_REQUEST, _RESPONSE, _FAILURE = 1, 2, 3
_CONNECT, _CONFIRM = 0xE0, 0xD0
_X224 = struct.Struct(">BBHHB")
_NEGOTIATION = struct.Struct("<BBHI")
_TPKT_SIZE = 4
_SIZES = (_TPKT_SIZE + _X224.size, _TPKT_SIZE + _X224.size + _NEGOTIATION.size)
"""Bytes of an answer without and with a negotiation."""
_COOKIE = "mstshash="
NAME_MAX = 128
"""Characters of a name in the cookie; it is only a hint for load balancers."""


def preconnection(settings: Settings) -> bytes:
    """Return the bytes that precede everything else, if there are any."""
    if not settings.send_preconnection_pdu:
        return b""
    number, text = settings.preconnection_id, settings.preconnection_blob
    if not text:
        return struct.pack("<IIII", 16, 0, 1, number)
    encoded = (text + "\0").encode("utf-16-le")
    count = len(encoded) // 2
    return struct.pack("<IIIIH", 18 + len(encoded), 0, 2, number, count) + encoded


def request(settings: Settings) -> bytes:
    """Return the request for a connection with one of the security protocols of the settings."""
    token = b""
    if settings.load_balance_info:
        token = settings.load_balance_info + b"\r\n"
    elif settings.username:
        name = settings.username[:NAME_MAX].encode("ascii", "replace")
        token = f"Cookie: {_COOKIE}".encode() + name.translate(None, b"\r\n") + b"\r\n"
    protocols = offered(settings)
    body = token + _NEGOTIATION.pack(_REQUEST, 0, _NEGOTIATION.size, protocols)
    return tpkt(_X224.pack(_X224.size - 1 + len(body), _CONNECT, 0, 0, 0) + body)


def offered(settings: Settings) -> int:
    """Return the security protocols of the settings, as flags."""
    if settings.use_rdp_security_layer:
        return RDP
    protocols = TLS if settings.tls_security else 0
    if settings.nla_security:
        protocols |= NLA | (NLA_EXTENDED if settings.ext_security else 0)
    return protocols


def negotiate(link: Link, settings: Settings) -> int:
    """Agree on a security protocol, and return it.

    Raises:
        EndError: there is none.
    """
    link.send(preconnection(settings) + request(settings))
    without = _SIZES[0]
    while len(link.peek()) < without:
        link.receive()
    head = link.peek()
    size = head[2] << 8 | head[3]
    if head[0] != TPKT or head[5] != _CONFIRM or size not in _SIZES:
        raise EndError(LOST, "the server's first answer is not one of RDP")
    while len(link.peek()) < size:
        link.receive()
    answer = link.take(size) or b""
    if size == without:
        chosen = RDP  # the server is older than the negotiation
    else:
        kind, _, _, chosen = _NEGOTIATION.unpack_from(answer, without)
        if kind != _RESPONSE:
            raise EndError(DISAGREED, f"the server's reason is {chosen}")
    expected = offered(settings)
    is_one = chosen in (TLS, NLA, NLA_EXTENDED) and chosen & expected
    if not is_one and not chosen == expected == RDP:
        raise EndError(DISAGREED, f"the server wants the protocol {chosen}")
    return chosen
