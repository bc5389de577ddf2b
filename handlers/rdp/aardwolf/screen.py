"""The desktop's pixels: draws updates into the shared memory, and says where."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable

import numpy as np

from handlers.rdp.aardwolf import drawing
from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.memory import PAINTING, PIXELS, SIDE_MAX
from handlers.rdp.channel.messages import Painted, Sized
from handlers.rdp.worker.changes import Changes

_BITMAP = struct.Struct("<9H")
"""Left, top, right and bottom of the destination, width and height of the bitmap, bits per pixel,
flags, and the number of bytes that follow."""

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
        self._header[PAINTING] += 1
        drawn = []
        count, at = int.from_bytes(data[:2], "little"), 2
        try:
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
                target = self._pixels[top : bottom + 1, left : right + 1]
                height = min(target.shape[0], pixels.shape[0])
                width = min(target.shape[1], pixels.shape[1])
                if width > 0 and height > 0:
                    target[:height, :width] = pixels[:height, :width]
                    drawn.append((left, top, width, height))
        finally:
            if drawn:
                self._changes.add(drawn, self._header[PAINTING] & COUNT_MASK, time.monotonic())
            else:
                self._header[PAINTING] -= 1

    def _check(self, width: int, height: int) -> None:
        """Check the size of a bitmap: few bytes could expand to a huge one."""
        most_x, most_y = self.size
        if width > most_x + PADDING_MAX or height > most_y + PADDING_MAX:
            raise invalid(f"a bitmap has {width}x{height} pixels")
