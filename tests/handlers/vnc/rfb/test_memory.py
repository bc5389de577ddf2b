"""The memory of a session: large rectangles take it while they are decoded."""

from __future__ import annotations

from io import BytesIO
from struct import pack

import pytest
from PIL import Image

from guacr.api import Budget, OverrunError
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.encodings import tight
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from handlers.vnc.rfb.pixel_format import BGRX

WIDTH, HEIGHT = 1024, 512
AREA = WIDTH * HEIGHT
BELL = b"\2"


def client(memory: Budget) -> RfbClient:
    one = RfbClient(ClientOptions(BGRX, [], 1 << 20), Credentials(), memory)
    one.feed(b"RFB 003.008\n\1\1\0\0\0\0" + pack(">HH16xI", WIDTH, HEIGHT, 0))
    return one


def feed(one: RfbClient, data: bytes) -> None:
    one.feed(data)
    while one.waits_for is not Wait.INPUT:
        one.go_on(inline=one.waits_for is not Wait.THREAD)


def rectangle(encoding: int, data: bytes) -> bytes:
    return pack(">BxHHHHHi", 0, 1, 0, 0, WIDTH, HEIGHT, encoding) + data


def length(size: int) -> bytes:
    return bytes([size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])


def jpeg() -> bytes:
    file = BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (40, 90, 160)).save(file, "JPEG")
    return file.getvalue()


RRE = (numbers.RRE, pack(">I", 1) + bytes(4) + bytes(4) + pack(">HHHH", 0, 0, 1, 1), AREA * 4)
FILE = jpeg()
PICTURE = (
    numbers.TIGHT,
    b"\x90" + length(len(FILE)) + FILE,
    len(FILE) + AREA * tight.PICTURE_MEMORY,
)
GRADIENT = (numbers.TIGHT, b"\x40\x02", AREA * tight.GRADIENT_MEMORY)


@pytest.mark.parametrize(("encoding", "data", "needed"), [RRE, PICTURE])
def test_memory_is_given_back_after_the_rectangle(encoding: int, data: bytes, needed: int) -> None:
    memory = Budget(needed, "session.max_memory")
    one = client(memory)
    feed(one, rectangle(encoding, data[:-1]))
    assert memory.used == needed
    feed(one, data[-1:] + BELL)
    assert memory.used == 0


@pytest.mark.parametrize(("encoding", "data", "needed"), [RRE, PICTURE, GRADIENT])
def test_a_rectangle_for_which_there_is_no_memory(encoding: int, data: bytes, needed: int) -> None:
    memory = Budget(needed - 1, "session.max_memory")
    with pytest.raises(OverrunError, match=r"a rectangle of 1024x512 pixels.*session\.max_memory"):
        feed(client(memory), rectangle(encoding, data))
    assert memory.used == 0


@pytest.mark.parametrize(("encoding", "data", "needed"), [RRE, PICTURE, GRADIENT])
def test_a_connection_that_ends_gives_it_back(encoding: int, data: bytes, needed: int) -> None:
    memory = Budget(needed, "session.max_memory")
    one = client(memory)
    feed(one, rectangle(encoding, data[:-1] if encoding == numbers.RRE else data[:10]))
    assert memory.used == needed
    one.close()
    assert memory.used == 0


def test_a_thread_that_goes_on_after_the_end_takes_nothing() -> None:
    memory = Budget(1 << 30, "session.max_memory")
    one = client(memory)
    one.close()
    feed(one, rectangle(*RRE[:2]))
    assert memory.used == 0
