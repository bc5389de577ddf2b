"""Fuzzes what the engine aardwolf makes of a server's bytes, from the conference to the desktop:
nothing but an `EndError`, and only messages that the daemon accepts."""

from __future__ import annotations

import mmap
import os
import socket
import struct
from contextlib import suppress

from handlers.rdp.aardwolf import sequence, share
from handlers.rdp.aardwolf.client import Client
from handlers.rdp.aardwolf.errors import LOST, EndError
from handlers.rdp.aardwolf.link import Link, tpkt
from handlers.rdp.channel import memory
from handlers.rdp.channel.codec import Message, Parser
from handlers.rdp.channel.messages import FROM_WORKER, Layout, Setting, Start
from handlers.rdp.channel.pipes import PipeGiven, PipeOffer, PipeTaken
from tests.fuzz.driver import main
from tests.support import rdp_host
from tests.support.rdp_broker import redirection

SHARED = mmap.mmap(-1, memory.SIZE)
MAIN, CLIPBOARD, DYNAMIC = 1003, 1004, 1005


class Deaf(Link):
    """A link to a server that has sent everything, and does not read."""

    def _send_raw(self, data: bytes) -> None:
        pass

    def _receive_raw(self) -> bytes:
        raise EndError(LOST)


class Daemon:
    """Parses what it is sent."""

    def __init__(self) -> None:
        self._parser = Parser(FROM_WORKER)

    def send(self, message: Message) -> None:
        """Check a message."""
        assert list(self._parser.feed(message.encode())) == [message]

    def verify(self, pem: bytes) -> bool:
        """Accept any certificate."""
        return bool(pem)

    def note_busy(self, busy: bool) -> None:
        """Ignore it."""

    def note_handled(self) -> None:
        """Ignore it."""


def one_input(data: bytes) -> None:
    """Let a client connect to a server that sends `data` after its choice of a protocol."""
    ours, theirs = socket.socketpair()
    with theirs:
        client = Client(Daemon(), ours.detach(), SHARED, memory.header(SHARED))
        client._link.close()
        link = client._link = Deaf(theirs.detach())
        link.peek().extend(data)
        client.configure(Setting("SupportDisplayControl", "TRUE"))
        client.static_channels.handle(PipeOffer("cliprdr", True))
        client.post(Layout(640, 480, 100, 100, 100, 100, 2))
        with suppress(EndError):
            _connect(client, link)
        link.close()
        os.close(client._wake_reader)
        os.close(client._wake_writer)


def _connect(client: Client, link: Link) -> None:
    client._protocol = 1
    settings = client._settings
    conference = sequence.join(link, settings, 1, client._offered())
    client._conference = conference
    for name, number in conference.channels.items():
        client._channels[number] = client._incoming(name)
    session = client._session_of(conference)
    session.handle(sequence.log_on(conference, settings, Start("h", "", False).timezone))
    client.static_channels.handle(PipeGiven("cliprdr", b"text", True))
    is_going_on = True
    while is_going_on:
        client._handle_waiting(session)
        is_going_on = client._handle_packets(session)
        client.static_channels.handle(PipeTaken(1000))
    client._screen.flush()


def _data(channel: int, data: bytes) -> bytes:
    head = struct.pack(">BHHBH", 26 << 2, 6, channel, 0x70, 0x8000 | len(data))
    return tpkt(bytes.fromhex("02f080") + head + data)


def _fast(code: int, data: bytes) -> bytes:
    update = struct.pack("<BH", code, len(data)) + data
    return struct.pack(">BH", 0, 0x8000 | 3 + len(update)) + update


def _joined(channel: int) -> bytes:
    answer = struct.pack(">BBHHH", 0x3E, 0, 6, channel, channel)
    return tpkt(b"\x02\xf0\x80" + answer)


def _part(channel: int, data: bytes) -> bytes:
    return _data(channel, struct.pack("<II", len(data), 3) + data)


BEGIN = (
    tpkt(rdp_host._connect_response(2))
    + tpkt(rdp_host.ATTACHED)
    + b"".join(map(_joined, (1007, MAIN, CLIPBOARD, DYNAMIC)))
    + _data(MAIN, bytes.fromhex("80000000ff031000070000000200000004000000"))
)
"""A conference, and the message that no licence is needed."""
DEMAND = _data(
    MAIN,
    struct.pack("<HHH", 60, 0x11, 1002)
    + struct.pack("<IHHIHH", 0x103EA, 4, 32, 0x00504452, 1, 0)
    + struct.pack("<HHHHHHHHHHHHBBHH", 2, 28, 32, 1, 1, 1, 64, 48, 0, 1, 1, 0, 0, 0, 1, 0),
)
FONTS = _data(MAIN, share.data(1002, 0x103EA, share.FONT_MAP, bytes(8)))
BITMAP = struct.pack("<HH", 1, 1) + struct.pack("<9H", 0, 0, 3, 0, 4, 1, 32, 0x401, 9)
BITMAP += b"\x10" + bytes((0x13, 0, 0x13, 255, 0x13, 0, 0x13, 0))
POINTER = struct.pack("<HHHHHHHH", 24, 1, 0, 0, 2, 1, 2, 6) + bytes(8)
LIST = struct.pack("<HHI", 2, 0, 6) + struct.pack("<IH", 13, 0)
SHOWN = BEGIN + DEMAND + FONTS
SAMPLES = [
    BEGIN,
    SHOWN + _fast(1, BITMAP) + _fast(11, POINTER),
    SHOWN + _data(MAIN, share.data(1, 2, share.UPDATE, BITMAP)),
    SHOWN + _fast(4, struct.pack("<5HBBBBHHI", 1, 0, 0, 2, 1, 32, 1, 0, 0, 2, 1, 8) + bytes(32)),
    SHOWN + _fast(0x21, BITMAP[:9]) + _fast(0x11, BITMAP[9:]),
    SHOWN + _part(CLIPBOARD, LIST) + _part(CLIPBOARD, b"x" * 1600) * 3,
    SHOWN
    + _part(DYNAMIC, bytes.fromhex("50000300"))
    + _part(DYNAMIC, b"\x10\x07Microsoft::Windows::RDS::DisplayControl\0")
    + _part(DYNAMIC, b"\x30\x07" + struct.pack("<IIIII", 5, 20, 1, 100, 100)),
    BEGIN + redirection({"address": "192.0.2.1", "token": b"msts=1", "addresses": "::1 ::2"}),
    SHOWN
    + _data(MAIN, share.data(1, 2, share.SESSION, struct.pack("<IHIIIIi", 3, 22, 2, 8, 1, 2, -2)))
    + _data(MAIN, share.data(1, 2, share.ERROR, struct.pack("<I", 12)))
    + _data(MAIN, share.data(1, 2, share.POINTER, struct.pack("<HHI", 1, 0, 0)))
    + tpkt(bytes.fromhex("02f0802180")),
]

if __name__ == "__main__":
    main(one_input, SAMPLES)
