"""Fuzzes short answers of servers: RDP's negotiation, touch messages, and PulseAudio beside VNC."""

from __future__ import annotations

import contextlib
import struct

from guacr.errors import GuacrError
from guacr.protocol.audio import AudioFormat
from handlers.rdp import negotiation
from handlers.rdp.freerdp import touch_pdus
from handlers.vnc.pulse import PulseClient
from tests.fuzz.driver import main

_REPLY = b"L\0\0\0\2L\0\0\0\2L\0\0\0\0"
SAMPLES = [
    bytes.fromhex("03000013 0ed00000123400 02000800 02000000"),
    bytes.fromhex("03000013 0ed00000123400 03000800 05000000"),
    bytes.fromhex("0300000b 06d00000123400"),
    b"SSH-2.0-x",
    struct.pack("<HII", 1, 10, 0x10001),
    struct.pack("<HI", 4, 6),
    struct.pack(">IIIII", len(_REPLY), 0xFFFFFFFF, 0, 0, 0) + _REPLY
    + struct.pack(">IIIII", 4, 0, 0, 0, 0) + b"abcd",
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Read `data` as each of them."""
    negotiation.parse(data)
    assert negotiation._length(data, 19) <= 19
    with contextlib.suppress(touch_pdus.TouchError):
        touch_pdus.parse(data)
    step = 1 + sum(data[:2]) % 13
    whole = _sound([data])
    assert whole == _sound([data[at : at + step] for at in range(0, len(data), step)])


def _sound(parts: list[bytes]) -> tuple[list[bytes], bool] | None:
    client, found = PulseClient(AudioFormat()), list[bytes]()
    try:
        for part in parts:
            found += client.feed(part)
    except GuacrError:
        return None
    return found, client.is_recording


if __name__ == "__main__":
    main(one_input, SAMPLES)
