"""Updates are drawn where they belong, and never outside of the desktop."""

from __future__ import annotations

import mmap
import struct

import numpy as np
import pytest

from handlers.rdp.aardwolf.errors import INVALID, EndError
from handlers.rdp.aardwolf.screen import Screen
from handlers.rdp.channel import memory
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Painted, Sized


class Shown:
    """A screen of 8x4 pixels, what it has sent, and its memory."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, memory.SIZE)
        self.header = memory.header(self.memory)
        self.sent: list[Message] = []
        self.screen = Screen(self.memory, self.header, self.sent.append)
        self.screen.resize(8, 4)

    def pixels(self, count: int) -> list[int]:
        """The first pixels of the shared memory."""
        found: list[int] = np.frombuffer(self.memory, np.uint32, count, memory.PIXELS).tolist()
        return found


@pytest.fixture
def shown() -> Shown:
    return Shown()


def bitmap(left: int, top: int, width: int, height: int, value: int = 7) -> bytes:
    pixels = np.full(width * height, value, np.uint32).tobytes()
    right, bottom = left + width - 1, top + height - 1
    return struct.pack("<9H", left, top, right, bottom, width, height, 32, 0, len(pixels)) + pixels


def test_parts_of_an_update(shown: Shown) -> None:
    parts = bitmap(0, 0, 2, 1, 5) + bitmap(6, 1, 4, 8, 6)
    shown.screen.draw(struct.pack("<H", 2) + parts)
    shown.screen.flush()
    assert shown.pixels(40) == [5, 5, *[0] * 12, 6, 6, *([0] * 6 + [6, 6]) * 2, *[0] * 8]
    assert shown.sent == [Sized(8, 4), Painted.of(1, [(0, 0, 2, 1), (6, 1, 2, 3)])]
    assert shown.header[memory.PAINTING] == 1


def surface(left: int, top: int, width: int, height: int, *, codec: int = 0) -> bytes:
    """A command, between marks of a frame, with pixels from 1 on in the lowest row."""
    pixels = np.arange(1, width * height + 1, dtype=np.uint32).tobytes()
    command = struct.pack("<5H", 1, left, top, left + width, top + height)
    command += struct.pack("<BBBBHHI", 32, 0, 0, codec, width, height, len(pixels)) + pixels
    return struct.pack("<HHI", 4, 0, 1) + command + struct.pack("<HHI", 4, 1, 1)


def test_surfaces(shown: Shown) -> None:
    shown.screen.draw_surface(surface(1, 0, 2, 2))
    shown.screen.draw_surface(surface(7, 3, 2, 2))
    shown.screen.flush()
    assert shown.pixels(32) == [0, 3, 4, *[0] * 6, 1, 2, *[0] * 20, 3]
    assert shown.sent == [Sized(8, 4), Painted.of(2, [(1, 0, 2, 2), (7, 3, 1, 1)])]


@pytest.mark.parametrize(
    "update",
    [surface(0, 0, 2, 2, codec=3), surface(0, 0, 2, 2)[:-9], surface(0, 0, 80, 1), b"\7\0"],
    ids=["codec", "short", "wide", "unknown"],
)
def test_damaged_surfaces(update: bytes, shown: Shown) -> None:
    with pytest.raises(EndError) as raised:
        shown.screen.draw_surface(update)
    assert raised.value.name == INVALID


@pytest.mark.parametrize(
    "update",
    [
        struct.pack("<H", 1) + bitmap(0, 0, 2, 2)[:-1],
        struct.pack("<H", 2) + bitmap(0, 0, 2, 2),
        struct.pack("<H9H", 1, 0, 0, 1, 1, 8 + 65, 1, 16, 0x401, 3) + b"\x64\0\0",
        struct.pack("<H9H", 1, 0, 0, 1, 1, 1, 4 + 65, 16, 0x401, 3) + b"\x64\0\0",
    ],
    ids=["short", "missing", "wide", "high"],
)
def test_damaged_updates(update: bytes, shown: Shown) -> None:
    with pytest.raises(EndError) as raised:
        shown.screen.draw(update)
    assert raised.value.name == INVALID


def test_updates_that_draw_nothing(shown: Shown) -> None:
    for update in (b"", struct.pack("<H", 0), struct.pack("<H", 1) + bitmap(9, 0, 1, 1)):
        shown.screen.draw(update)
    shown.screen.flush()
    assert shown.sent == [Sized(8, 4)]
    assert shown.header[memory.PAINTING] == 0


@pytest.mark.parametrize("size", [(0, 4), (4, 0), (8193, 1), (1, 8193)])
def test_desktops_of_other_sizes(size: tuple[int, int], shown: Shown) -> None:
    with pytest.raises(EndError):
        shown.screen.resize(*size)
