"""Tight and TightPNG (rfbproto.rst, 7 and -260)."""

from __future__ import annotations

import numpy as np

from guacr.api import Array8, EncodedImage, Rect
from handlers.vnc.rfb.context import Context, bands, broken
from handlers.vnc.rfb.events import Pictured
from handlers.vnc.rfb.inflater import Inflater
from handlers.vnc.rfb.input import Input, Steps

STREAMS = 4
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
PICTURE_BYTES, PICTURE_SLACK = 4, 65536
"""Bytes that a JPEG or PNG may have per pixel, and in addition to that."""


class TightReader:
    """Reads the rectangles of one connection, which has four zlib streams."""

    __slots__ = ("_inflaters",)

    def __init__(self, source: Input) -> None:
        self._inflaters = [Inflater(source) for _ in range(STREAMS)]

    def read(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a rectangle in Tight."""
        yield from self._read(context, rect, png=False)

    def read_png(self, context: Context, rect: Rect) -> Steps[None]:
        """Read a rectangle in TightPNG, which has PNG files instead of compressed pixels."""
        yield from self._read(context, rect, png=True)

    def _read(self, context: Context, rect: Rect, *, png: bool) -> Steps[None]:
        control = yield from context.input.u8()
        for stream in range(STREAMS):
            if control >> stream & 1:
                self._inflaters[stream].reset()
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
                context.draw(band, _pixels(context, data, band))
        yield from pixels.end()


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


def _pixels(context: Context, data: bytes, rect: Rect) -> Array8:
    return context.pixel_format.tight_colours(data).reshape(rect.height, rect.width, 4)


def _read_palette(context: Context, rect: Rect, inflater: Inflater | None) -> Steps[None]:
    count = (yield from context.input.u8()) + 1
    if count < 2:
        raise broken("a palette of one colour")
    data = yield from context.input.read(count * context.pixel_format.compact_size)
    palette = np.ascontiguousarray(context.pixel_format.tight_colours(data)).view(np.uint32)[:, 0]
    row = (rect.width + 7) // 8 if count == 2 else rect.width
    source = _PixelData(context, inflater)
    yield from source.begin(row * rect.height)
    for band in bands(rect):
        yield from context.off_loop(band.area)
        rows = np.frombuffer((yield from source.read(row * band.height)), np.uint8)
        rows = rows.reshape(band.height, row)
        indices = np.unpackbits(rows, axis=1)[:, : rect.width] if count == 2 else rows
        if count > 2 and int(indices.max()) >= count:
            raise broken("a pixel whose colour is not in the palette")
        pixels = palette[indices].view(np.uint8).reshape(band.height, rect.width, 4)
        context.draw(band, pixels)
    yield from source.end()


def _read_length(context: Context) -> Steps[int]:
    """Read a length of one to three bytes, the low bits first."""
    first = yield from context.input.u8()
    if first < 0x80:
        return first
    second = yield from context.input.u8()
    if second < 0x80:
        return first & 0x7F | second << 7
    third = yield from context.input.u8()
    return first & 0x7F | (second & 0x7F) << 7 | third << 14


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
