"""Fuzzes what is made of a gateway's bytes: cuts make no difference, and all errors are documented
ones."""

from __future__ import annotations

import struct

from handlers.rdp.gateway import failures
from handlers.rdp.gateway.packets import Kind, Packet, PacketError
from handlers.rdp.gateway.tunnel import Ended, Event, Refused, Tunnel
from handlers.rdp.params import RdpParams
from tests.fuzz.driver import main

PARAMS = RdpParams.parse({"hostname": "desk", "gateway-hostname": "gateway.example"})
_CONSENT = "Be good.\0".encode("utf-16-le")
_OPENING = [
    Packet(Kind.HANDSHAKE_RESPONSE, bytes(10)),
    Packet(Kind.TUNNEL_RESPONSE, struct.pack("<HIHHH", 1, 0, 0x10, 0, len(_CONSENT)) + _CONSENT),
    Packet(Kind.TUNNEL_AUTH_RESPONSE, struct.pack("<IHHI", 0, 1, 0, 8)),
    Packet(Kind.CHANNEL_RESPONSE, bytes(8)),
]


def _of(*packets: Packet) -> bytes:
    return b"".join(packet.encode() for packet in packets)


SAMPLES = [
    _of(*_OPENING, Packet(Kind.DATA, b"\3\0xyz"), Packet(Kind.KEEP_ALIVE, b"")),
    _of(*_OPENING, Packet(Kind.SERVICE_MESSAGE, b"\4\0a\0b\0"), Packet(Kind.REAUTH, bytes(8))),
    _of(*_OPENING, Packet(Kind.CLOSE_CHANNEL, struct.pack("<I", 0x59F6))),
    _of(*_OPENING[:3], Packet(Kind.CHANNEL_RESPONSE, struct.pack("<IHH", 0x800759DA, 0, 0))),
]


def one_input(data: bytes) -> None:
    """Feed `data` whole and in parts."""
    whole = _events([data])
    step = 1 + sum(data[:2]) % 13
    assert whole == _events([data[at : at + step] for at in range(0, len(data), step)])
    for event in whole:
        if isinstance(event, Refused | Ended):
            assert str(failures.refused(PARAMS, event.error)).startswith("gateway ")


def _events(chunks: list[bytes]) -> list[Event]:
    tunnel, found = Tunnel("desk", 3389, "guacr"), []
    try:
        for chunk in chunks:
            for event in tunnel.feed(chunk):
                found.append(event)
                if isinstance(event, Refused | Ended):
                    return found
    except PacketError:
        pass
    return found


if __name__ == "__main__":
    main(one_input, SAMPLES)
