"""The pointer's pictures (MS-RDPBCGR 2.2.9.1.1.4 and 2.2.9.1.2.1.5 to 2.2.9.1.2.1.11)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.introduction import CURSORS
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import (
    CURSOR_SIDE_MAX,
    CursorDefault,
    CursorMoved,
    CursorShape,
)

HIDDEN = CursorShape(0, 0, 0, 0, b"")
_BYTES = {16: 2, 24: 3, 32: 4}
"""Bytes of a pixel by its bits; with one bit, eight pixels are in a byte."""
_SYSTEM, _POSITION, _COLOR, _CACHED, _NEW = 1, 3, 6, 7, 8
"""Types of a message on the slow path."""
_FAST = {8: _POSITION, 9: _COLOR, 10: _CACHED, 11: _NEW}
"""The same types by the codes of an update on the fast path."""
_FAST_HIDDEN, _FAST_DEFAULT = 5, 6
_SYSTEM_HIDDEN = 0

_Rgba = npt.NDArray[np.uint8]


class Cursors:
    """Converts the pointers of one client, of which the server expects some to be kept.

    Args:
        send: sends a message to the daemon.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._shapes: dict[int, CursorShape] = {}

    def handle_fast(self, code: int, data: bytes) -> None:
        """Handle an update of the fast path, unless it is about something else."""
        if code == _FAST_HIDDEN:
            self._send(HIDDEN)
        elif code == _FAST_DEFAULT:
            self._send(CursorDefault())
        elif code in _FAST:
            self._handle(_FAST[code], Reader(data))

    def handle(self, data: bytes) -> None:
        """Handle a message of the slow path."""
        reader = Reader(data)
        kind = reader.u16()
        reader.u16()
        if kind == _SYSTEM:
            self._send(HIDDEN if reader.u32() == _SYSTEM_HIDDEN else CursorDefault())
        else:
            self._handle(kind, reader)

    def _handle(self, kind: int, reader: Reader) -> None:
        if kind == _POSITION:
            self._send(CursorMoved(reader.u16(), reader.u16()))
        elif kind == _CACHED:
            self._send(self._shapes.get(reader.u16(), CursorDefault()))
        elif kind in (_COLOR, _NEW):
            depth = reader.u16() if kind == _NEW else 24
            place = reader.u16()
            if place >= CURSORS:
                raise invalid(f"a pointer is to be kept at {place}")
            shape = _shape(depth, reader)
            self._shapes[place] = shape
            self._send(shape)


def _shape(depth: int, reader: Reader) -> CursorShape:
    hot_x, hot_y, width, height = (reader.u16() for _ in range(4))
    mask_size, color_size = reader.u16(), reader.u16()
    colors, mask = reader.take(color_size), reader.take(mask_size)
    if not (0 < width <= CURSOR_SIDE_MAX and 0 < height <= CURSOR_SIDE_MAX):
        return HIDDEN
    transparent = _bits(mask, width, height) if mask else np.zeros((height, width), np.bool_)
    rgba = _colors(colors, depth, width, height, transparent)
    hot = min(hot_x, width - 1), min(hot_y, height - 1)
    return CursorShape(width, height, *hot, rgba.tobytes())


def _colors(
    data: bytes, depth: int, width: int, height: int, transparent: npt.NDArray[np.bool_]
) -> _Rgba:
    """Return rows of red, green, blue and alpha, the upper one first. Where a transparent pixel is
    not black, the screen is to be inverted: black and white pixels take turns there."""
    rgba = np.zeros((height, width, 4), np.uint8)
    if depth == 1:
        rgba[..., :3] = _bits(data, width, height)[..., None] * np.uint8(255)
    elif depth in _BYTES:
        pixels = _rows(data, width * _BYTES[depth], height).reshape(height, width, _BYTES[depth])
        if depth == 16:
            _put_555(rgba, pixels)
        else:
            rgba[..., :3] = pixels[..., 2::-1]
        if depth == 32 and pixels[..., 3].any():
            rgba[..., 3] = pixels[..., 3]
            return rgba
    else:  # with a palette, which no server uses with so many colours
        rgba[..., :3] = 0
    inverted = transparent & rgba[..., :3].any(axis=2)
    rgba[..., 3] = np.where(transparent & ~inverted, 0, 255)
    rows, columns = np.nonzero(inverted)
    rgba[rows, columns, :3] = (((rows + columns) & 1) * 255).astype(np.uint8)[:, None]
    rgba[transparent & ~inverted] = 0
    return rgba


def _put_555(rgba: _Rgba, pixels: _Rgba) -> None:
    value = pixels[..., 0].astype(np.uint16) | pixels[..., 1].astype(np.uint16) << 8
    for channel, shift in enumerate((10, 5, 0)):
        part = (value >> shift) & 0x1F
        rgba[..., channel] = part << 3 | part >> 2


def _bits(data: bytes, width: int, height: int) -> npt.NDArray[np.bool_]:
    rows = _rows(data, (width + 7) // 8, height)
    found: npt.NDArray[np.bool_] = np.unpackbits(rows, axis=1)[:, :width].astype(np.bool_)
    return found


def _rows(data: bytes, size: int, height: int) -> _Rgba:
    """Return rows of so many bytes, the upper one first; each ends at a multiple of two."""
    stride = (size + 1) // 2 * 2
    if len(data) < stride * height:
        raise invalid(f"a pointer of {height} rows has {len(data)} bytes")
    return np.frombuffer(data, np.uint8, stride * height).reshape(height, stride)[::-1, :size]
