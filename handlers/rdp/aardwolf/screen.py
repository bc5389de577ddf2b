"""The desktop's pixels: draws updates into the shared memory, and says where."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from handlers.rdp.aardwolf import drawing
from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.memory import PAINTING, PIXELS, SIDE_MAX
from handlers.rdp.channel.messages import Painted, Sized
from handlers.rdp.worker.changes import Changes, Rect

_BITMAP = struct.Struct("<9H")
"""Left, top, right and bottom of the destination, width and height of the bitmap, bits per pixel,
flags, and the number of bytes that follow."""

_SURFACE_BITS, _FRAME_MARKER = (1, 6), 4
"""Types of surface commands."""
_HAS_HEADER, _EXTRA_HEADER = 1, 24
"""The flag of a header that follows, and its bytes."""
COUNT_MASK = 0xFFFFFFFF
PADDING_MAX = 64
"""Pixels by which the sides of a bitmap may exceed those of the desktop."""


class Screen:
    """Draws for one client.

    Args:
        memory: the shared memory.
        header: its header.
        send: sends a message to the daemon.
    """

    def __init__(
        self, memory: mmap.mmap, header: memoryview, send: Callable[[Message], None]
    ) -> None:
        self._memory = memory
        self._header = header
        self._send = send
        self._pixels = np.zeros((0, 0), np.uint32)
        self._changes = Changes()

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels."""
        height, width = self._pixels.shape
        return width, height

    def resize(self, width: int, height: int) -> None:
        """Begin a desktop of another size; the server will draw all of it."""
        if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
            raise invalid(f"a desktop has {width}x{height} pixels")
        self.flush()
        pixels = np.frombuffer(self._memory, np.uint32, width * height, PIXELS)
        self._pixels = pixels.reshape(height, width)
        self._send(Sized(width, height))

    @property
    def patience(self) -> int | None:
        """The milliseconds for which to wait for more to draw before the next `flush`; None if it
        is overdue."""
        return None if self._changes.is_overdue(time.monotonic()) else self._changes.patience

    def flush(self) -> None:
        """Send what has been drawn."""
        if self._changes:
            self._send(Painted.of(self._changes.number, self._changes.take()))

    def draw(self, data: bytes) -> None:
        """Draw the content of a bitmap update: the number of bitmaps, and the bitmaps."""
        with self._painting() as drawn:
            self._draw_bitmaps(data, drawn)

    def draw_surface(self, data: bytes) -> None:
        """Draw the surface commands of an update (2.2.9.1.2.1.10)."""
        reader = Reader(data)
        with self._painting() as drawn:
            while reader.left:
                kind = reader.u16()
                if kind == _FRAME_MARKER:
                    reader.take(6)
                elif kind in _SURFACE_BITS:
                    left, top, _, _ = (reader.u16() for _ in range(4))
                    depth, flags, _, codec = reader.take(4)
                    width, height, size = reader.u16(), reader.u16(), reader.u32()
                    if flags & _HAS_HEADER:
                        reader.take(_EXTRA_HEADER)
                    if codec:
                        raise invalid(f"a picture has the codec {codec}")
                    self._check(width, height)
                    pixels = drawing.decode(reader.take(size), width, height, depth, 0)
                    self._put(left, top, pixels, drawn)
                else:
                    raise invalid(f"there is a surface command {kind}")

    @contextmanager
    def _painting(self) -> Iterator[list[Rect]]:
        """Number a change, and note what it has drawn."""
        self._header[PAINTING] += 1
        drawn: list[Rect] = []
        try:
            yield drawn
        finally:
            if drawn:
                self._changes.add(drawn, self._header[PAINTING] & COUNT_MASK, time.monotonic())
            else:
                self._header[PAINTING] -= 1

    def _draw_bitmaps(self, data: bytes, drawn: list[Rect]) -> None:
        count, at = int.from_bytes(data[:2], "little"), 2
        for _ in range(count):
            if at + _BITMAP.size > len(data):
                raise invalid("a bitmap update ends too early")
            left, top, right, bottom, *what, size = _BITMAP.unpack_from(data, at)
            at += _BITMAP.size
            if at + size > len(data):
                raise invalid("a bitmap ends too early")
            self._check(*what[:2])
            pixels = drawing.decode(data[at : at + size], *what)
            at += size
            shown = pixels[: max(bottom + 1 - top, 0), : max(right + 1 - left, 0)]
            self._put(left, top, shown, drawn)

    def _put(self, left: int, top: int, pixels: drawing.Pixels, drawn: list[Rect]) -> None:
        """Put pixels where they belong, as far as they are on the desktop."""
        target = self._pixels[top : top + pixels.shape[0], left : left + pixels.shape[1]]
        height, width = target.shape
        if width and height:
            target[:] = pixels[:height, :width]
            drawn.append((left, top, width, height))

    def _check(self, width: int, height: int) -> None:
        """Check the size of a bitmap: few bytes could expand to a huge one."""
        most_x, most_y = self.size
        if width > most_x + PADDING_MAX or height > most_y + PADDING_MAX:
            raise invalid(f"a bitmap has {width}x{height} pixels")
