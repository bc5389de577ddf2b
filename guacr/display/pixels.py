"""Pixels of a rectangle, in the forms that surfaces pass to the encoders.

Pixels              the common interface
├── IndexedPixels   a palette: a terminal's picture
├── BgrxPixels      true colour: a desktop's
│   └── SharedPixels    in memory that another process draws into (guacr.display.shared)
└── EncodedPixels   true colour, with the file that contains it (guacr.display.encoded)
"""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from guacr.display.detail import hides_losses, needs_many_bits
from guacr.display.encoder import JPEG, PNG, Encoding, cost, encode_webp
from guacr.display.geometry import Rect
from guacr.display.jpeg import encode_jpeg
from guacr.display.palette import split_colours
from guacr.display.png import indexed_png, rgb_png

Array8 = NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Red, green and blue."""

HUGE = 1 << 22
"""Bytes from which huge pages are requested, as NumPy does: they are quicker to write to."""

REMEMBERED_AREA = 4096
"""Maximum pixels for which the file is cached: a few cells of a terminal, which are drawn
repeatedly."""


class Pixels(ABC):
    """The picture within a rectangle."""

    __slots__ = ()

    is_known: ClassVar[bool] = False
    """True if the surface knows what it shows, so that it is sent as is. Otherwise it is classified
    by tiles."""
    is_shared: ClassVar[bool] = False
    """True if another process may change them at any time: they are copied at once."""
    may_move: ClassVar[bool] = True
    """True if it is worth searching for parts that have only moved."""
    exact_kind: ClassVar[str] = "png"
    """The kind of lossless image, for `encoder.cost`."""
    subsampling: ClassVar[str] = "420"
    """The subsampling of colours in a JPEG."""

    @property
    @abstractmethod
    def width(self) -> int:
        """The number of columns."""

    @property
    @abstractmethod
    def height(self) -> int:
        """The number of rows."""

    @abstractmethod
    def solid(self) -> Colour | None:
        """Return the colour if all pixels have the same, else None."""

    @abstractmethod
    def pixel(self, x: int, y: int) -> Colour:
        """Return the colour at (x, y)."""

    @abstractmethod
    def crop(self, rect: Rect) -> Pixels:
        """Return a part, which may share memory."""

    @abstractmethod
    def detached(self, room: Array8 | None = None) -> Pixels:
        """Return the pixels as they are now, independent of further drawing on the surface; the
        copy is put into `room`, (height, width, 4), if there is one."""

    @abstractmethod
    def bgrx(self) -> BgrxPixels:
        """Return the pixels in true colour; they may share memory."""

    @abstractmethod
    def drawable(self) -> Array8:
        """Return a copy to draw on, in the layout of BgrxPixels."""

    @abstractmethod
    def png(self) -> bytes:
        """Return a lossless PNG file."""

    def has_file(self, encoding: Encoding) -> bool:
        """Return whether lossy encoding is free, because a file can be sent unchanged."""
        return False

    def smaller(self, encoding: Encoding) -> Pixels | None:
        """Return the same pixels with a smaller file, for a moving picture; None if the file is
        small enough, or there is none."""
        return None

    def cost(self, lossy: bool, encoding: Encoding) -> float:
        """Return the estimated seconds that `encode` takes."""
        mimetype = encoding.mimetype(lossy)
        kind = self.exact_kind if mimetype == PNG else mimetype.removeprefix("image/")
        return cost(self.width * self.height, kind)

    def encode(self, lossy: bool, encoding: Encoding, *, moving: bool = False) -> tuple[str, bytes]:
        """Return the mimetype and the file; may be called from any thread. `lossy` allows losses,
        and `moving` means that they are less visible, because the picture moves."""
        mimetype = encoding.mimetype(lossy)
        if mimetype == PNG:
            return mimetype, self.png()
        quality, array = encoding.lossy_quality(moving=moving), self.bgrx().array
        if mimetype == JPEG:
            least = encoding.lossy_quality(moving=moving, detailed=True)
            if (
                least < quality
                and not encoding.hurried
                and hides_losses(array)
                and needs_many_bits(array, quality)
            ):
                quality = least
            return mimetype, encode_jpeg(array, quality, self.subsampling)
        return mimetype, encode_webp(array, quality, lossy=lossy)


@dataclass(frozen=True, slots=True)
class IndexedPixels(Pixels):
    """One palette index per pixel: a terminal's picture, known exactly and cheap to encode.

    Neither array changes after creation, so that derived values can be cached.
    """

    is_known: ClassVar[bool] = True
    exact_kind: ClassVar[str] = "indexed"
    subsampling: ClassVar[str] = "444"  # halved colour resolution smears the edges of text

    indices: Array8
    """(height, width)."""
    palette: Array8
    """(colours, 3): red, green, blue of each index; at most 256 colours."""
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Cached values."""

    @classmethod
    def of_one_colour(cls, width: int, height: int, colour: Colour) -> IndexedPixels:
        """Return pixels of one colour, which use no memory and need no analysis."""
        indices = np.broadcast_to(np.uint8(0), (height, width))
        return cls(indices, np.array([colour], np.uint8), {"solid": colour})

    @property
    @override
    def width(self) -> int:
        return int(self.indices.shape[1])

    @property
    @override
    def height(self) -> int:
        return int(self.indices.shape[0])

    @override
    def solid(self) -> Colour | None:
        if "solid" not in self.memo:
            self.memo["solid"] = self._solid()
        colour: Colour | None = self.memo["solid"]
        return colour

    def _solid(self) -> Colour | None:
        first = self.indices[0, 0]
        if len(self.palette) > 1 and not (self.indices == first).all():
            return None
        return self.pixel(0, 0)

    @override
    def pixel(self, x: int, y: int) -> Colour:
        red, green, blue = self.palette[self.indices[y, x]].tolist()
        return red, green, blue

    @override
    def crop(self, rect: Rect) -> IndexedPixels:
        """Return a part whose rows are contiguous."""
        part = self.indices[rect.y : rect.bottom, rect.x : rect.right]
        return IndexedPixels(np.ascontiguousarray(part), self.palette)

    @override
    def detached(self, room: Array8 | None = None) -> IndexedPixels:
        return self

    @override
    def bgrx(self) -> BgrxPixels:
        return BgrxPixels(self.drawable())

    @override
    def drawable(self) -> Array8:
        colours = np.zeros((len(self.palette), 4), np.uint8)
        colours[:, :3] = self.palette[:, ::-1]
        words = colours.view(np.uint32)[:, 0][self.indices]
        return words.view(np.uint8).reshape(self.height, self.width, 4)

    @override
    def png(self) -> bytes:
        """Return a file with a palette."""
        if self.width * self.height > REMEMBERED_AREA:
            return indexed_png(self.indices, self.palette)
        if "png" not in self.memo:
            self.memo["png"] = indexed_png(self.indices, self.palette)
        data: bytes = self.memo["png"]
        return data


@dataclass(frozen=True, slots=True)
class BgrxPixels(Pixels):
    """True colour: blue, green, red and an unused byte, the layout of desktops' framebuffers.

    The unused byte is 0, so that pixels of one colour are equal as 32-bit words: code that accepts
    pixels from outside clears it (`without_padding`).
    """

    array: Array8
    """(height, width, 4); rows may be strided, pixels within a row may not."""

    @property
    @override
    def width(self) -> int:
        return int(self.array.shape[1])

    @property
    @override
    def height(self) -> int:
        return int(self.array.shape[0])

    @override
    def solid(self) -> Colour | None:
        words = self.words()
        first = words[0, 0]
        if not (words[0] == first).all() or not (words == first).all():
            return None
        return self.pixel(0, 0)

    def words(self) -> NDArray[np.uint32]:
        """Return the pixels as (height, width) of 32-bit words."""
        return self.array.view(np.uint32)[..., 0]

    @override
    def pixel(self, x: int, y: int) -> Colour:
        blue, green, red = self.array[y, x, :3].tolist()
        return red, green, blue

    @override
    def crop(self, rect: Rect) -> BgrxPixels:
        """Return a view of a part."""
        return BgrxPixels(self.array[rect.y : rect.bottom, rect.x : rect.right])

    @override
    def detached(self, room: Array8 | None = None) -> BgrxPixels:
        if room is None:
            return BgrxPixels(self.drawable())
        room[:] = self.array
        return BgrxPixels(room)

    @override
    def bgrx(self) -> BgrxPixels:
        return self

    @override
    def drawable(self) -> Array8:
        return self.array.copy()

    @override
    def png(self) -> bytes:
        """Return a file with a palette if there are few colours, as in text."""
        indexed = self.indexed()
        return rgb_png(self.array) if indexed is None else indexed.png()

    def indexed(self) -> IndexedPixels | None:
        """Return the pixels with a palette, if there are few enough colours for one."""
        found = split_colours(self.words())
        return None if found is None else IndexedPixels(*found)


def new_picture(width: int, height: int) -> Array8:
    """Return black pixels, (height, width, 4). The system gets their memory back as soon as they
    are freed, where the C library would keep it."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    size = width * height * 4
    memory = mmap.mmap(-1, size, flags=flags)
    if size >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # the kernel has none
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8).reshape(height, width, 4)


def move_within(array: Array8, source: Rect, x: int, y: int) -> None:
    """Copy the pixels of `source`, a part of (height, width, 4), to (x, y) of the same array; the
    two may overlap."""
    if source.width == array.shape[1] and array.flags.c_contiguous:
        row = array.strides[0]
        rows = array.data.cast("B")  # moves bytes directly, where NumPy makes a copy first
        start, end = source.y * row, source.bottom * row
        rows[y * row : y * row + end - start] = rows[start:end]
    else:
        moved = array[source.y : source.bottom, source.x : source.right]
        array[y : y + source.height, x : x + source.width] = moved


def without_padding(pixels: Array8, out: Array8) -> None:
    """Copy (height, width, 4) pixels, with any strides, to `out`, and set their unused byte to 0,
    which remote desktops leave undefined."""
    if pixels.strides[-1] != 1:  # such as after swapping colours by indexing
        pixels = np.ascontiguousarray(pixels)
    np.bitwise_and(pixels.view(np.uint32), _COLOUR, out=out.view(np.uint32))


_COLOUR = np.array([255, 255, 255, 0], np.uint8).view(np.uint32)[0]
"""The bits of blue, green and red in a 32-bit word, in the machine's byte order."""
