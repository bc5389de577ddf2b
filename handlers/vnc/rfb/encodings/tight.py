"""Tight and TightPNG (rfbproto.rst, 7 and -260)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from guacr.api import Array8, EncodedImage, Rect
from handlers.vnc.rfb.context import Context, bands, broken
from handlers.vnc.rfb.events import Pictured
from handlers.vnc.rfb.inflater import Inflater
from handlers.vnc.rfb.input import Input, Steps, Wait
from handlers.vnc.rfb.palette import Palette, palette_of

STREAMS, STREAM_BITS = 4, 0b1111
COMPRESSED_FROM = 12
"""Pixels of fewer bytes than this are not compressed."""
FILL, JPEG, PNG = 8, 9, 10
UNCOMPRESSED_COPY, UNCOMPRESSED_FILTER = 10, 14
EXPLICIT_FILTER = 4
COPY_FILTER, PALETTE_FILTER, GRADIENT_FILTER = 0, 1, 2
GRADIENT_AREA = 1 << 22
"""Maximum pixels of a gradient, which needs much memory; encoders stay far below."""
GRADIENT_COST = 10
"""The factor by which a pixel of a gradient takes longer."""
GRADIENT_MEMORY, PICTURE_MEMORY = 24, 8
"""Bytes for a pixel while a gradient or a picture is decoded."""
SMALL_AREA = 1 << 17
"""Maximum pixels of rectangles that are read at once."""
INDEX_SPEED = 3
"""The factor by which indices are decoded faster than colours."""
PICTURE_BYTES, PICTURE_SLACK = 4, 65536
"""Bytes that a JPEG or PNG may have per pixel, and in addition to that."""


class TightReader:
    """Reads the rectangles of one connection, which has four zlib streams."""

    __slots__ = ("_inflaters",)

    def __init__(self, source: Input) -> None:
        self._inflaters = [Inflater(source) for _ in range(STREAMS)]

    def read_at_once(self, context: Context, rect: Rect) -> bool:
        """Read a rectangle in Tight if all of it has been received, and it is small and of a common
        kind: text comes in many such rectangles, for which `read` takes several times as long.

        Returns:
            False if it is none of these, and nothing has been read.
        """
        buffer, start = context.input.unread()
        try:
            found = _small(context, rect, buffer, start)
        except IndexError:  # its header is incomplete
            return False
        if found is None or found.end > len(buffer) or not context.fits(found.cost):
            return False
        control = buffer[start]
        data: bytes | bytearray = buffer[found.at : found.end]
        context.input.advance(found.end)
        self._reset(control)
        inflater = self._inflaters[control >> 4 & 3] if found.compressed else None
        if inflater is not None:
            data = inflater.inflate(data, found.size)
        if control >> 4 == FILL:
            context.fill(rect, context.pixel_format.tight_colours(data)[0])
        elif found.palette is not None:
            pixels = found.palette.pixels(data, rect.width, rect.height)
            context.draw(rect, pixels, clean=True)
        else:
            context.draw(rect, _pixels(context, data, rect), clean=True)
        if inflater is not None:
            inflater.check_end()
        return True

    def read(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a rectangle in Tight."""
        yield from self._read(context, rect, png=False)

    def read_png(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a rectangle in TightPNG, which has PNG files instead of compressed pixels."""
        yield from self._read(context, rect, png=True)

    def _read(self, context: Context, rect: Rect, *, png: bool) -> Steps[None]:
        control = yield from context.input.u8()
        self._reset(control)
        kind = control >> 4
        if kind == FILL:
            pixel = yield from context.input.read(context.pixel_format.compact_size)
            context.fill(rect, context.pixel_format.tight_colours(pixel)[0])
        elif kind == JPEG:
            yield from _read_picture(context, rect, "image/jpeg")
        elif png and kind == PNG:
            yield from _read_picture(context, rect, "image/png")
        elif kind < FILL or (not png and kind in (UNCOMPRESSED_COPY, UNCOMPRESSED_FILTER)):
            yield from self._read_basic(context, rect, kind)
        else:
            raise broken(f"a rectangle of the unknown Tight compression {kind}")

    def _reset(self, control: int) -> None:
        """Start the streams anew that the first byte of a rectangle names."""
        if control & STREAM_BITS:
            for stream, inflater in enumerate(self._inflaters):
                if control >> stream & 1:
                    inflater.reset()

    def _read_basic(self, context: Context, rect: Rect, kind: int) -> Steps[None]:
        inflater = None if kind >= FILL else self._inflaters[kind & 3]
        explicit = kind & EXPLICIT_FILTER
        which = (yield from context.input.u8()) if explicit else COPY_FILTER
        size = context.pixel_format.compact_size
        if which == PALETTE_FILTER:
            yield from _read_palette(context, rect, inflater)
            return
        if which not in (COPY_FILTER, GRADIENT_FILTER):
            raise broken(f"the unknown Tight filter {which}")
        if which == GRADIENT_FILTER and rect.area > GRADIENT_AREA:
            raise broken(f"a gradient of {rect.width}x{rect.height} pixels")
        if which == GRADIENT_FILTER:
            context.reserve(rect, rect.area * GRADIENT_MEMORY)
        pixels = _PixelData(context, inflater)
        yield from pixels.begin(rect.area * size)
        if which == GRADIENT_FILTER:
            yield from context.off_loop(rect.area * GRADIENT_COST)
            data = yield from pixels.read(rect.area * size)
            context.draw(rect, _without_gradient(context, data, rect))
        else:
            for band in bands(rect):
                yield from context.off_loop(band.area)
                data = yield from pixels.read(band.area * size)
                context.draw(band, _pixels(context, data, band), clean=True)
        yield from pixels.end()


class _Small(NamedTuple):
    """A small rectangle: where its data is in the buffer, and what it is."""

    at: int
    end: int
    size: int
    """Bytes of the data once it has been inflated."""
    compressed: bool
    cost: int
    """Pixels that take as long to decode."""
    palette: Palette | None = None


def _small(context: Context, rect: Rect, buffer: bytearray, at: int) -> _Small | None:
    """Return a rectangle that begins at a place of the buffer, or None if it is of a kind that is
    not small or common, or not valid.

    Raises:
        IndexError: its header is incomplete.
    """
    kind, at, size = buffer[at] >> 4, at + 1, context.pixel_format.compact_size
    if kind == FILL:
        return _Small(at, at + size, size, compressed=False, cost=0)
    if kind > FILL or not 0 < rect.area <= SMALL_AREA:
        return None
    filtered, palette, cost = COPY_FILTER, None, rect.area
    if kind & EXPLICIT_FILTER:
        filtered, at = buffer[at], at + 1
    if filtered == PALETTE_FILTER:
        count = buffer[at] + 1
        end = at + 1 + count * size
        if count < 2 or end > len(buffer):
            return None
        palette, at = palette_of(context.pixel_format, bytes(buffer[at + 1 : end])), end
        whole, cost = palette.row_size(rect.width) * rect.height, rect.area // INDEX_SPEED
    elif filtered == COPY_FILTER:
        whole = rect.area * size
    else:
        return None
    if whole < COMPRESSED_FROM:
        return _Small(at, at + whole, whole, False, cost, palette)
    length, at = _length(buffer, at)
    return _Small(at, at + length, whole, True, cost, palette)


class _PixelData:
    """The data of a rectangle after its filter: a few plain bytes, compressed bytes, or plain bytes
    with their length."""

    __slots__ = ("_context", "_inflater")

    def __init__(self, context: Context, inflater: Inflater | None) -> None:
        self._context = context
        self._inflater = inflater

    def begin(self, whole: int) -> Steps[None]:
        """Expect `whole` bytes."""
        if whole < COMPRESSED_FROM:
            self._inflater = None
            return
        size = yield from _read_length(self._context)
        if self._inflater is not None:
            self._inflater.begin(size, whole)
        elif size != whole:
            raise broken(f"{size} bytes of pixels instead of {whole}")

    def read(self, size: int) -> Steps[bytes]:
        """Return the next bytes."""
        return (yield from (self._inflater or self._context.input).read(size))

    def end(self) -> Steps[None]:
        """Complete the rectangle."""
        if self._inflater is not None:
            yield from self._inflater.end()


def _pixels(context: Context, data: bytes | bytearray, rect: Rect) -> Array8:
    return context.pixel_format.tight_colours(data).reshape(rect.height, rect.width, 4)


def _read_palette(context: Context, rect: Rect, inflater: Inflater | None) -> Steps[None]:
    count = (yield from context.input.u8()) + 1
    if count < 2:
        raise broken("a palette of one colour")
    data = yield from context.input.read(count * context.pixel_format.compact_size)
    palette = palette_of(context.pixel_format, data)
    row = palette.row_size(rect.width)
    source = _PixelData(context, inflater)
    yield from source.begin(row * rect.height)
    for band in bands(rect):
        yield from context.off_loop(band.area)
        rows = yield from source.read(row * band.height)
        context.draw(band, palette.pixels(rows, band.width, band.height), clean=True)
    yield from source.end()


def _length(buffer: bytearray, at: int) -> tuple[int, int]:
    """Return a length of one to three bytes, the low bits first, and where it ends.

    Raises:
        IndexError: it is incomplete.
    """
    first = buffer[at]
    if first < 0x80:
        return first, at + 1
    second = buffer[at + 1]
    if second < 0x80:
        return first & 0x7F | second << 7, at + 2
    return first & 0x7F | (second & 0x7F) << 7 | buffer[at + 2] << 14, at + 3


def _read_length(context: Context) -> Steps[int]:
    """Read a length."""
    while True:
        try:
            length, end = _length(*context.input.unread())
        except IndexError:
            yield Wait.INPUT
        else:
            context.input.advance(end)
            return length


def _read_picture(context: Context, rect: Rect, mimetype: str) -> Steps[None]:
    size = yield from _read_length(context)
    if size > rect.area * PICTURE_BYTES + PICTURE_SLACK:
        raise broken(f"a picture of {size} bytes for {rect.area} pixels")
    context.reserve(rect, size + rect.area * PICTURE_MEMORY)
    data = yield from context.input.read(size)
    if not rect.area:
        return
    yield from context.off_loop(rect.area * (1 if mimetype == "image/jpeg" else 4))
    image = EncodedImage.decode(mimetype, data, rect.width, rect.height)
    if context.swap_red_blue:
        context.draw(rect, image.array)
    else:
        context.emit(Pictured(rect.x, rect.y, image))


def _without_gradient(context: Context, data: bytes, rect: Rect) -> Array8:
    """Undo the gradient filter: each channel is the difference from left + above - upper left,
    which is cut to the channel's range. Pixels of one antidiagonal do not depend on each other."""
    height, width = rect.height, rect.width
    differences, most = context.pixel_format.channels(data)
    differences = differences.reshape(height, width, 3)
    values = np.zeros((height + 1, width + 1, 3), np.int16)
    for diagonal in range(height + width - 1):
        top = max(0, diagonal - width + 1)
        rows = np.arange(top, min(height, diagonal + 1))
        columns = diagonal - rows
        guess = values[rows + 1, columns] + values[rows, columns + 1] - values[rows, columns]
        np.clip(guess, 0, most, out=guess)
        values[rows + 1, columns + 1] = (guess + differences[rows, columns]) & most
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = (values[1:, 1:].astype(np.int32) * 255 // most)[..., ::-1]
    return pixels
