"""The desktop's pixels: FreeRDP draws them into the shared memory, and says where."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.memory import BYTES, PAINTING, SIDE_MAX
from handlers.rdp.channel.messages import Painted, Sized
from handlers.rdp.freerdp.structs import CONTEXT, Gdi2, Gdi3, GdiWindow, Update, slot
from handlers.rdp.worker.changes import Changes, Rect

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

BGRX32 = 0x20040888
"""FreeRDP's format of four bytes: blue, green, red, unused."""
RECTS_PER_PAINT = 24
"""Rectangles of one change up to which they are passed on one by one."""
COUNT_MASK = 0xFFFFFFFF


class Screen:
    """Draws for one client.

    Args:
        client: the client.
        pixels: the address of the pixels in the shared memory.
        header: the header of the shared memory.
        send: sends a message to the daemon.
    """

    def __init__(
        self, client: Client, pixels: int, header: memoryview, send: Callable[[Message], None]
    ) -> None:
        self._client = client
        self._pixels = pixels
        self._header = header
        self._send = send
        self._lock = Lock()  # channels draw in threads of their own
        self.changes = Changes()
        self._gdi = 0

    def open(self) -> bool:
        """Begin to draw; the size has been negotiated."""
        client, library = self._client, self._client.library
        width, height = self._size()
        if not _fits(width, height):
            return False
        stride = width * BYTES
        if not library.gdi_init_ex(client.instance, BGRX32, stride, self._pixels, None):
            return False
        self._gdi = slot(client.context, CONTEXT["gdi"]).value or 0
        update = Update.from_address(slot(client.context, CONTEXT["update"]).value or 0)
        update.BeginPaint = client.callback(ctypes.c_int, self._begin, ctypes.c_void_p)
        update.EndPaint = client.callback(ctypes.c_int, self._end, ctypes.c_void_p)
        update.DesktopResize = client.callback(ctypes.c_int, self._resize, ctypes.c_void_p)
        self._send(Sized(width, height))
        return True

    def close(self) -> None:
        """Draw no longer."""
        if self._gdi:
            self._gdi = 0
            self._client.library.gdi_free(self._client.instance)

    @property
    def gdi(self) -> int:
        """The address of `rdpGdi`; 0 if nothing is drawn."""
        return self._gdi

    @property
    def patience(self) -> int | None:
        """The milliseconds for which to wait for more to draw before the next `flush`; None if it
        is overdue."""
        return None if self.changes.is_overdue(time.monotonic()) else self.changes.patience

    def flush(self) -> None:
        """Send what has been drawn."""
        with self._lock:
            if self.changes:
                self._send(Painted.of(self.changes.number, self.changes.take()))

    def _window(self) -> Any:
        kind = Gdi3 if self._client.library.major >= 3 else Gdi2
        gdi = kind.from_address(self._gdi)
        window: GdiWindow = gdi.primary.contents.hdc.contents.hwnd.contents
        return window

    def _begin(self, _context: int) -> int:
        self._header[PAINTING] += 1
        window = self._window()
        window.invalid.contents.null = 1
        window.ninvalid = 0
        return 1

    def _end(self, _context: int) -> int:
        window = self._window()
        count, whole = window.ninvalid, window.invalid.contents
        if count <= 0 or whole.null:
            self._header[PAINTING] -= 1  # nothing has been drawn
            return 1
        parts = [whole] if count > RECTS_PER_PAINT else window.cinvalid[:count]
        with self._lock:
            rects = [rect for part in parts if (rect := _clipped(part)) is not None]
            self.changes.add(rects, self._header[PAINTING] & COUNT_MASK, time.monotonic())
        if self.changes.has_frames:
            self._client.call_soon(self.flush)  # this may be the thread of a channel
        window.invalid.contents.null = 1
        window.ninvalid = 0
        return 1

    def _resize(self, _context: int) -> int:
        library = self._client.library
        width, height = self._size()
        if not _fits(width, height):
            return 0
        self.flush()
        done: int = library.gdi_resize_ex(
            self._gdi, width, height, width * BYTES, BGRX32, self._pixels, None
        )
        if done:
            self._send(Sized(width, height))
            self._client.remote_app.follow_size()
        return done

    def _size(self) -> tuple[int, int]:
        settings = self._client.settings
        return settings.number("DesktopWidth"), settings.number("DesktopHeight")


def _fits(width: int, height: int) -> bool:
    return 0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX


def _clipped(part: Any) -> Rect | None:
    """Return a rectangle without what is outside of any desktop."""
    x, y = max(part.x, 0), max(part.y, 0)
    width, height = min(part.x + part.w, SIDE_MAX) - x, min(part.y + part.h, SIDE_MAX) - y
    return (x, y, width, height) if width > 0 and height > 0 else None
