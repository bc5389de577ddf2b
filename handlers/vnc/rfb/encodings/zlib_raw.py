"""Zlib: Raw, compressed in one stream for the whole connection (rfbproto.rst, 6)."""

from __future__ import annotations

from guacr.api import Rect
from handlers.vnc.rfb.context import Context, bands
from handlers.vnc.rfb.inflater import Inflater
from handlers.vnc.rfb.input import Input, Steps


class ZlibReader:
    """Reads the rectangles of one connection."""

    __slots__ = ("_inflater",)

    def __init__(self, source: Input) -> None:
        self._inflater = Inflater(source)

    def read(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a rectangle."""
        size = yield from context.input.u32()
        self._inflater.begin(size, rect.area * context.pixel_format.size)
        for band in bands(rect):
            yield from context.off_loop(band.area)
            data = yield from self._inflater.read(band.area * context.pixel_format.size)
            context.draw(band, context.pixel_format.pixels(data, band.width, band.height))
        yield from self._inflater.end()
