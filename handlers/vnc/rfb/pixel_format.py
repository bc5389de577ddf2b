"""Pixel formats (RFC 6143, 7.4), and pixels in them as blue, green, red and a byte of any value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from guacr.api import Array8

COLOURS = 256
"""The entries of a colour map."""

_LAYOUT = Struct(">BBBBHHHBBB3x")


class ColourMap:
    """The colours of a server whose pixels are indices."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        self.words = _table(BGR233).copy()
        """The colour of each value; a server with a fixed map may not send it."""

    def change(self, first: int, entries: bytes) -> None:
        """Set entries from the first one on; each is red, green and blue of 16 bits."""
        colours = np.frombuffer(entries, np.uint8).reshape(-1, 6)
        table = self.words.view(np.uint8).reshape(-1, 4)
        table[first : first + len(colours), :3] = colours[:, 4::-2]


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The layout of a pixel; guacr requests the least significant byte first."""

    bits: int
    """8, 16 or 32."""
    depth: int
    red_max: int
    green_max: int
    blue_max: int
    red_shift: int
    green_shift: int
    blue_shift: int
    colour_map: ColourMap | None = field(default=None, compare=False)
    """None for true colour."""

    @property
    def size(self) -> int:
        """Bytes of a pixel."""
        return self.bits // 8

    @property
    def compact_size(self) -> int:
        """Bytes of a CPIXEL and of a TPIXEL: three where one byte of four is unused."""
        return 3 if self.bits == 32 else self.size

    def encode(self) -> bytes:
        """Return the sixteen bytes of SetPixelFormat."""
        return _LAYOUT.pack(
            self.bits,
            self.depth,
            0,
            self.colour_map is None,
            self.red_max,
            self.green_max,
            self.blue_max,
            self.red_shift,
            self.green_shift,
            self.blue_shift,
        )

    def pixels(self, data: bytes, width: int, height: int) -> Array8:
        """Return (height, width, 4) for whole pixels; it may be a view of `data`."""
        return self.colours(data).reshape(height, width, 4)

    def colours(self, data: bytes | bytearray) -> Array8:
        """Return (count, 4) for whole pixels."""
        if self.bits == 32:
            return np.frombuffer(data, np.uint8).reshape(-1, 4)
        values = np.frombuffer(data, np.uint8 if self.bits == 8 else "<u2")
        table = _table(self) if self.colour_map is None else self.colour_map.words
        colours: Array8 = table[values].view(np.uint8).reshape(-1, 4)
        return colours

    def compact_colours(self, data: bytes) -> Array8:
        """Return (count, 4) for CPIXELs, whose bytes are the lower three."""
        if self.bits != 32:
            return self.colours(data)
        compact = np.frombuffer(data, np.uint8).reshape(-1, 3)
        colours = np.empty((len(compact), 4), np.uint8)
        colours[:, :3] = compact
        return colours

    def tight_colours(self, data: bytes | bytearray) -> Array8:
        """Return (count, 4) for TPIXELs, whose bytes are red, green, blue; the fourth is 0."""
        if self.bits != 32:
            return self.colours(data)
        compact = np.frombuffer(data, np.uint8).reshape(-1, 3)
        colours = np.zeros((len(compact), 4), np.uint8)
        colours[:, 2::-1] = compact
        return colours

    def channels(self, data: bytes) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """Return (count, 3) of red, green, blue for TPIXELs, as they are, and their maxima."""
        most = np.array([self.red_max, self.green_max, self.blue_max], np.int16)
        if self.bits == 32:
            return np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int16), most
        values = np.frombuffer(data, np.uint8 if self.bits == 8 else "<u2")
        shifts = np.array([self.red_shift, self.green_shift, self.blue_shift])
        return ((values[:, None] >> shifts) & most).astype(np.int16), most


@cache
def _table(pixel_format: PixelFormat) -> NDArray[np.uint32]:
    """Return the colour of each value of 8 or 16 bits, as a word."""
    values = np.arange(1 << pixel_format.bits, dtype=np.uint32)
    table = np.zeros((len(values), 4), np.uint8)
    channels = (
        (pixel_format.blue_max, pixel_format.blue_shift),
        (pixel_format.green_max, pixel_format.green_shift),
        (pixel_format.red_max, pixel_format.red_shift),
    )
    for channel, (maximum, shift) in enumerate(channels):
        table[:, channel] = ((values >> shift) & maximum) * 255 // maximum
    return table.view(np.uint32)[:, 0]


BGRX = PixelFormat(32, 24, 255, 255, 255, 16, 8, 0)
"""Blue, green, red and an unused byte in memory, as in surfaces."""
RGB565 = PixelFormat(16, 16, 31, 63, 31, 11, 5, 0)
BGR233 = PixelFormat(8, 8, 7, 7, 3, 0, 3, 6)
"""Eight bits: three of red, in the lowest place, three of green, two of blue."""


def pixel_format_of(depth: int) -> PixelFormat | None:
    """Return the format for a colour depth of 8, 16, 24 or 32 bits; None for 0, which leaves it to
    the server."""
    return {0: None, 8: BGR233, 16: RGB565}.get(depth, BGRX)


def requested(wanted: PixelFormat | None, layout: bytes) -> PixelFormat:
    """Return the format to request of a server whose own one has this layout.

    By default it is the smallest one with all of the server's colours: some small servers (Intel
    AMT) know no larger ones. Where the server's pixels are indices, 8 bits are indices, too, as
    some servers know nothing else; that is not the default, because libvncserver has fewer colours
    then.
    """
    bits, _, _, true_colour, *maxima = _LAYOUT.unpack(layout)[:7]
    if wanted == BGR233 and bits == BGR233.bits and not true_colour:
        return replace(BGR233, colour_map=ColourMap())
    if wanted is not None or not true_colour:
        return wanted or BGRX
    for each in (BGR233, RGB565):
        most = each.red_max, each.green_max, each.blue_max
        if bits == each.bits and all(own <= limit for own, limit in zip(maxima, most, strict=True)):
            return each
    return BGRX
