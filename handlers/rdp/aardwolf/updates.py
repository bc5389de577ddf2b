"""Updates of the picture and the pointer, on both paths (MS-RDPBCGR 2.2.9.1)."""

from __future__ import annotations

from handlers.rdp.aardwolf.cursors import Cursors
from handlers.rdp.aardwolf.errors import invalid
from handlers.rdp.aardwolf.introduction import UPDATE_MAX
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.aardwolf.screen import Screen

_BITMAP = 1
"""The type of an update, on both paths."""
_SURFACE = 4
"""The code of an update on the fast path alone."""
_SINGLE, _LAST, _FIRST, _NEXT = 0, 1, 2, 3
"""Values of a fragment."""
_COMPRESSED = 2


class Updates:
    """Draws the updates for one client. Servers send no orders, and no pictures but bitmaps and
    surfaces without a codec, since nothing else has been offered.

    Args:
        screen: draws bitmaps.
        cursors: shows pointers.
    """

    def __init__(self, screen: Screen, cursors: Cursors) -> None:
        self._screen = screen
        self._cursors = cursors
        self._fragments = bytearray()

    def handle_fast(self, data: bytes) -> None:
        """Handle the updates in a packet of the fast path."""
        reader = Reader(data)
        while reader.left:
            head = reader.u8()
            if head >> 6 == _COMPRESSED:
                raise invalid("an update is compressed")
            code, fragment = head & 0x0F, head >> 4 & 3
            content = reader.take(reader.u16())
            if fragment == _SINGLE:
                self._handle(code, content)
                continue
            if fragment == _FIRST:
                self._fragments.clear()
            self._fragments += content
            if len(self._fragments) > UPDATE_MAX:
                raise invalid(f"an update has {len(self._fragments)} bytes")
            if fragment == _LAST:
                content = bytes(self._fragments)
                self._fragments.clear()
                self._handle(code, content)

    def handle(self, content: bytes) -> None:
        """Handle an update of the slow path."""
        self._handle_picture(content)

    def _handle(self, code: int, content: bytes) -> None:
        if code == _BITMAP:
            self._handle_picture(content)
        elif code == _SURFACE:
            self._screen.draw_surface(content)
        else:
            self._cursors.handle_fast(code, content)

    def _handle_picture(self, content: bytes) -> None:
        reader = Reader(content)
        if reader.u16() == _BITMAP:
            self._screen.draw(reader.rest())
