"""Fuzzes the handshake: any client gets a connection or a documented refusal."""

from __future__ import annotations

from guacr.errors import BadRequestError, ProtocolError
from guacr.protocol.client import DPI_MAX, DPI_MIN, MIMETYPES_MAX, SIZE_MAX
from guacr.protocol.handshake import TEXT_MAX, Connect, Handshake, Selected
from guacr.protocol.parser import InstructionParser
from tests.fuzz.driver import main

NAMES = ["hostname", "port", "read-only"]
SAMPLES = [
    b"6.select,3.ssh;4.size,4.1024,3.768,2.96;5.audio;5.image,9.image/png,10.image/jpeg;"
    b"8.timezone,13.Europe/Berlin;4.name,2.me;7.connect,13.VERSION_1_5_0,1.h,2.22,0.;",
    b"6.select,37.$260d01da-779b-4ee9-afc1-c16bae885cc7;7.connect,0.,0.,0.,0.;",
    b"6.select,3.vnc;4.size,1.1,4.8192;7.connect,13.VERSION_9_9_9,1.h,2.22,0.;",
    b"6.select,3.rdp;" + b"3.nop;" * 62 + b"7.connect,13.VERSION_1_1_0,1.a,1.b,1.c;",
]


def one_input(data: bytes) -> None:
    """A client that sends `data`; only the two documented errors may come of it."""
    handshake = Handshake()
    try:
        for instruction in InstructionParser().feed(data):
            event = handshake.receive(instruction)
            if isinstance(event, Selected):
                handshake.args(NAMES)
            elif isinstance(event, Connect):
                _check(event)
                return
    except (ProtocolError, BadRequestError):
        return


def _check(event: Connect) -> None:
    info = event.info
    assert event.select
    assert set(event.values) <= set(NAMES)
    assert 1 <= info.width <= SIZE_MAX
    assert 1 <= info.height <= SIZE_MAX
    assert DPI_MIN <= info.dpi <= DPI_MAX
    assert len(info.name) <= TEXT_MAX
    assert len(info.timezone) <= TEXT_MAX
    assert max(map(len, (info.audio, info.video, info.image))) <= MIMETYPES_MAX
    assert (1, 0, 0) <= info.version <= (1, 5, 0)


if __name__ == "__main__":
    main(one_input, SAMPLES)
