"""Packets of gateways, byte by byte, and the tunnels that they make."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.gateway import packets
from handlers.rdp.gateway.packets import (
    DATA_MAX,
    HEADER,
    NAME_MAX,
    PACKET_MAX,
    Kind,
    Packet,
    PacketError,
    Parser,
)
from handlers.rdp.gateway.tunnel import (
    Allowed,
    Ended,
    Event,
    Opened,
    Received,
    Refused,
    Reply,
    Told,
    Tunnel,
)

TUNNEL_FIELDS = struct.pack("<HIHH", 1, 0, 0x17, 0)
GRANTED = [
    Packet(Kind.HANDSHAKE_RESPONSE, struct.pack("<IBBHH", 0, 1, 0, 0, 0)),
    Packet(Kind.TUNNEL_RESPONSE, struct.pack("<HIHH", 1, 0, 0, 0)),
    Packet(Kind.TUNNEL_AUTH_RESPONSE, struct.pack("<IHH", 0, 0, 0)),
    Packet(Kind.CHANNEL_RESPONSE, struct.pack("<IHH", 0, 0, 0)),
]
EVERYTHING = st.builds(
    Packet, st.sampled_from(Kind), st.binary(max_size=70)
)  # fmt: skip


def text(value: str) -> bytes:
    raw = f"{value}\0".encode("utf-16-le")
    return struct.pack("<H", len(raw)) + raw


def fed(tunnel: Tunnel, *more: Packet) -> list[Event]:
    return list(tunnel.feed(b"".join(packet.encode() for packet in more)))


def opened(policy: int = 0) -> Tunnel:
    tunnel = Tunnel("desk", 3389, "guacr")
    answer = Packet(Kind.TUNNEL_AUTH_RESPONSE, struct.pack("<IHHI", 0, 1, 0, policy))
    *_, last = fed(tunnel, *GRANTED[:2], answer, GRANTED[3])
    assert last == Opened(tunnel._allowed())
    return tunnel


# ---- packets


def test_what_is_sent() -> None:
    assert packets.handshake().hex() == "010000000e000000010000000000"
    assert packets.tunnel_create().hex() == "04000000100000000c00000000000000"
    assert packets.tunnel_auth("é").hex() == "0600000010000000" + "0000" + "0400e9000000"
    assert packets.channel_create("a", 3389).hex() == (
        "0800000014000000" + "0100" + "3d0d" + "0300" + "040061000000"
    )
    assert packets.data(b"xyz").hex() == "0a0000000d000000" + "0300" + b"xyz".hex()
    assert packets.keep_alive().hex() == "0d00000008000000"
    assert packets.close(response=False).hex() == "100000000c00000000000000"
    assert packets.close(response=True).hex() == "110000000c00000000000000"
    assert len(packets.data(bytes(DATA_MAX))) == 10 + DATA_MAX


def test_long_names_are_cut() -> None:
    assert packets.tunnel_auth("a" * 70000)[10:12] == struct.pack("<H", 2 * (NAME_MAX + 1))


@given(st.lists(EVERYTHING, max_size=4), st.data())
def test_packets_survive_cuts(sent: list[Packet], data: st.DataObject) -> None:
    whole = b"".join(packet.encode() for packet in sent)
    cut = data.draw(st.integers(0, len(whole)))
    parser = Parser()
    assert [*parser.feed(whole[:cut]), *parser.feed(whole[cut:])] == sent


def test_every_byte_by_itself() -> None:
    parser, whole = Parser(), b"".join(packet.encode() for packet in GRANTED)
    found = [packet for at in range(len(whole)) for packet in parser.feed(whole[at : at + 1])]
    assert found == GRANTED


@pytest.mark.parametrize(
    ("kind", "size"), [(0, 8), (0x12, 8), (Kind.DATA, 7), (Kind.DATA, PACKET_MAX + 1)]
)
def test_what_is_no_packet(kind: int, size: int) -> None:
    with pytest.raises(PacketError, match=f"no packet of type {kind} and {size} bytes"):
        list(Parser().feed(HEADER.pack(kind, 0, size)))
    assert not list(Parser().feed(HEADER.pack(Kind.DATA, 0, PACKET_MAX)))


@pytest.mark.parametrize(
    "packet",
    [
        Packet(Kind.TUNNEL_RESPONSE, TUNNEL_FIELDS + bytes(28) + text("cert") + text("Be good.")),
        Packet(Kind.TUNNEL_AUTH_RESPONSE, struct.pack("<IHHI", 0, 1, 0, 8)),
        GRANTED[0],
        GRANTED[3],
    ],
)
def test_responses_that_end_early(packet: Packet) -> None:
    answer, least = packets.answer(packet), {Kind.HANDSHAKE_RESPONSE: 4, Kind.CHANNEL_RESPONSE: 4}
    assert (answer.message, answer.policy) in {("Be good.", 0), ("", 8), ("", 0)}
    for size in range(least.get(packet.kind, len(packet.body))):
        with pytest.raises(PacketError):
            packets.answer(Packet(packet.kind, packet.body[:size]))


@pytest.mark.parametrize("body", [b"", b"\1", b"\2\0x"])
def test_content_that_ends_early(body: bytes) -> None:
    with pytest.raises(PacketError):
        packets.content(Packet(Kind.DATA, body))
    with pytest.raises(PacketError):
        packets.message(Packet(Kind.SERVICE_MESSAGE, body))


# ---- tunnels


def test_the_steps_of_a_tunnel() -> None:
    tunnel = Tunnel("desk", 3389, "guacr")
    assert tunnel.begin() == packets.handshake()
    requests = [
        packets.tunnel_create(),
        packets.tunnel_auth("guacr"),
        packets.channel_create("desk", 3389),
    ]
    for packet, request in zip(GRANTED, requests, strict=False):
        assert fed(tunnel, packet) == [Reply(request)]
        assert not tunnel.is_open
    assert fed(tunnel, GRANTED[-1]) == [Opened(Allowed())]
    assert tunnel.is_open
    data = Packet(Kind.DATA, b"\2\0xy")
    assert fed(tunnel, data, Packet(Kind.KEEP_ALIVE, b"")) == [
        Received(b"xy"),
        Reply(packets.keep_alive()),
    ]
    assert fed(tunnel, Packet(Kind.REAUTH, bytes(8))) == []
    assert fed(tunnel, Packet(Kind.SERVICE_MESSAGE, text("At noon"))) == [Told("At noon")]
    assert fed(tunnel, Packet(Kind.CLOSE_CHANNEL, struct.pack("<I", 0x59F6))) == [
        Reply(packets.close(response=True)),
        Ended(0x59F6),
    ]


def test_a_consent_message() -> None:
    tunnel = Tunnel("desk", 3389, "guacr")
    body = struct.pack("<HIHH", 1, 0, 0x10, 0) + text("Be good.")
    _, told, reply = fed(tunnel, GRANTED[0], Packet(Kind.TUNNEL_RESPONSE, body))
    assert told == Told("Be good.")
    assert reply == Reply(packets.tunnel_auth("guacr"))


@pytest.mark.parametrize("number", range(4))
def test_refusals(number: int) -> None:
    tunnel = Tunnel("desk", 3389, "guacr")
    fed(tunnel, *GRANTED[:number])
    at = 2 if number == 1 else 0
    body = bytearray(GRANTED[number].body)
    body[at : at + 4] = struct.pack("<I", 0x800759DA)
    assert fed(tunnel, Packet(GRANTED[number].kind, bytes(body))) == [Refused(0x800759DA)]


def test_a_quarantine_is_no_refusal() -> None:
    tunnel = Tunnel("desk", 3389, "guacr")
    body = struct.pack("<IHH", 0x800759ED, 0, 0)
    *_, last = fed(tunnel, *GRANTED[:2], Packet(Kind.TUNNEL_AUTH_RESPONSE, body))
    assert last == Reply(packets.channel_create("desk", 3389))


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (0, Allowed()),
        (0x1, Allowed(drives=False)),
        (0x2, Allowed(printers=False)),
        (0x4, Allowed()),
        (0x8, Allowed(clipboard=False)),
        (0x40000000, Allowed(clipboard=False, drives=False, printers=False)),
        (0x8000000B, Allowed()),
    ],
)
def test_policies(policy: int, allowed: Allowed) -> None:
    assert opened(policy)._allowed() == allowed


@pytest.mark.parametrize("kind", [Kind.DATA, Kind.CHANNEL_RESPONSE, Kind.HANDSHAKE])
def test_what_was_not_expected(kind: Kind) -> None:
    body = b"\0\0\0\0\0\0\0\0"
    with pytest.raises(PacketError, match="was not expected"):
        fed(Tunnel("desk", 3389, "guacr"), Packet(kind, body))
    if kind is not Kind.DATA:
        with pytest.raises(PacketError, match="was not expected"):
            fed(opened(), Packet(kind, body))
