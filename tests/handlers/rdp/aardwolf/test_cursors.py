"""Pointers of each depth, those that are kept, and damaged ones."""

from __future__ import annotations

import struct

import pytest

from handlers.rdp.aardwolf.cursors import HIDDEN, Cursors
from handlers.rdp.aardwolf.errors import EndError
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import CursorDefault, CursorMoved, CursorShape

NEW, COLOR, CACHED, POSITION = 11, 9, 10, 8


def pointer(
    depth: int, colors: bytes, mask: bytes, size: tuple[int, int] = (2, 1), place: int = 3
) -> bytes:
    """A new pointer, with the hot spot at the right."""
    head = struct.pack("<HHHHHH", depth, place, 1, 0, *size)
    return head + struct.pack("<HH", len(mask), len(colors)) + colors + mask


def shown(code: int, data: bytes) -> Message:
    messages: list[Message] = []
    Cursors(messages.append).handle_fast(code, data)
    (message,) = messages
    return message


@pytest.mark.parametrize(
    ("depth", "colors", "mask", "rgba"),
    [
        (32, "0000ff80 00ff0040", "0000", "ff000080 00ff0040"),
        (32, "0000ff00 00ff0000", "4000", "ff0000ff 000000ff"),  # without alpha: inverted
        (24, "0000ff 000000", "4000", "ff0000ff 00000000"),
        (24, "0000ff ffffff", "4000", "ff0000ff ffffffff"),
        (16, "007c e003", "0000", "ff0000ff 00ff00ff"),
        (1, "8000", "0000", "ffffffff 000000ff"),
    ],
)
def test_shapes(depth: int, colors: str, mask: str, rgba: str) -> None:
    message = shown(NEW, pointer(depth, bytes.fromhex(colors), bytes.fromhex(mask)))
    assert isinstance(message, CursorShape)
    assert (message.width, message.height, message.hot_x, message.hot_y) == (2, 1, 1, 0)
    if depth == 32 and mask == "4000":
        assert message.rgba[:4].hex() == "ff0000ff"
        assert message.rgba[4:] in (bytes.fromhex("ffffffff"), bytes.fromhex("000000ff"))
    else:
        assert message.rgba == bytes.fromhex(rgba)


def test_kept_pointers() -> None:
    messages: list[Message] = []
    cursors = Cursors(messages.append)
    cursors.handle_fast(COLOR, pointer(24, bytes(6), bytes(2))[2:])
    cursors.handle_fast(5, b"")
    cursors.handle(struct.pack("<HHI", 1, 0, 0x7F00))
    cursors.handle(struct.pack("<HHH", 7, 0, 3))
    cursors.handle_fast(CACHED, struct.pack("<H", 4))
    cursors.handle_fast(POSITION, struct.pack("<HH", 5, 6))
    shape = messages[0]
    assert messages[1:] == [HIDDEN, CursorDefault(), shape, CursorDefault(), CursorMoved(5, 6)]


@pytest.mark.parametrize(
    "data",
    [
        pointer(32, bytes(4), bytes(2)),
        pointer(32, bytes(8), bytes(2))[:-1],
        pointer(24, bytes(6), bytes(1)),
        pointer(32, bytes(8), bytes(2), place=25),
        b"",
    ],
    ids=["colors", "end", "mask", "place", "empty"],
)
def test_damaged_pointers(data: bytes) -> None:
    with pytest.raises(EndError):
        shown(NEW, data)


def test_pointers_that_are_too_large_are_hidden() -> None:
    assert shown(NEW, pointer(1, bytes(2000), bytes(2000), (385, 10))) == HIDDEN
