"""Pictures that a host has already encoded, which are forwarded unchanged where possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from typing_extensions import override

from guacr.budget import Budget
from guacr.display.detail import BITS, bits_per_pixel, hides_losses, needs_many_bits
from guacr.display.encoder import JPEG, PNG, Encoding
from guacr.display.geometry import Rect
from guacr.display.jpeg import decode_jpeg, encode_jpeg, is_plain_jpeg
from guacr.display.pixels import Array8, BgrxPixels, Colour, Pixels
from guacr.display.png import decode_png
from guacr.errors import OverrunError, UnsupportedError, UpstreamError

SIDE_MAX = 8192
"""Maximum pixels in either direction."""
PIXEL_BYTES, FILE_BYTES = 4, 65536
"""Limits of a file: bytes for each pixel, plus a constant for headers."""

ORDINARY_BITS = 2.0
"""Bits per pixel of a file up to which its quality is ordinary: its size shows how detailed the
picture is."""
WORTHWHILE = 0.8
"""The share of a file's bytes from which on another one, with more losses, is not worthwhile."""

FILES_MAX = 128
"""Maximum files kept for the next frame; of other files, only the pixels are used."""
FILES_BYTES_MAX = 16 * 1024 * 1024
"""Maximum bytes of these files in total."""
PARTS_MAX = 512
"""Maximum rectangles into which the rest of a frame is divided; other files are then dropped."""

_DECODERS: dict[str, Callable[[bytes, int, int], Array8]] = {JPEG: decode_jpeg, PNG: decode_png}


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """A file from a host, and its decoded pixels."""

    mimetype: str
    data: bytes
    """Empty if browsers might show something other than the pixels."""
    array: Array8
    """(height, width, 4): blue, green, red and a byte of any value."""

    @classmethod
    def decode(cls, mimetype: str, data: bytes, width: int, height: int) -> EncodedImage:
        """Decode and validate a whole file of the size that the host announced. May run on any
        thread. Takes about 3 ns per pixel for `image/jpeg` and 20 ns for `image/png`.

        Raises:
            UnsupportedError: the type is neither of these.
            UpstreamError: the file is too large, corrupt or of another size.
        """
        decoder = _DECODERS.get(mimetype)
        if decoder is None:
            raise UnsupportedError(f"pictures of the type {mimetype} are not supported")
        if not (1 <= width <= SIDE_MAX and 1 <= height <= SIDE_MAX):
            raise UpstreamError(f"the host sent a picture of {width}x{height} pixels")
        if len(data) > width * height * PIXEL_BYTES + FILE_BYTES:
            raise UpstreamError(
                f"the host sent {len(data)} bytes for a picture of {width}x{height} pixels"
            )
        array = decoder(data, width, height)
        plain = mimetype != JPEG or is_plain_jpeg(data)
        return cls(mimetype, data if plain else b"", array)

    @property
    def is_lossy(self) -> bool:
        """True if it differs from what the host shows."""
        return self.mimetype == JPEG

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels."""
        return int(self.array.shape[1]), int(self.array.shape[0])


@dataclass(frozen=True, slots=True)
class EncodedPixels(Pixels):
    """True-colour pixels, with the file that contains them."""

    may_move: ClassVar[bool] = False  # a file's losses differ from one place to another

    mimetype: str
    data: bytes
    decoded: BgrxPixels
    is_kept: bool = False
    """True if there is never a smaller one."""

    @property
    @override
    def width(self) -> int:
        return self.decoded.width

    @property
    @override
    def height(self) -> int:
        return self.decoded.height

    @override
    def solid(self) -> Colour | None:
        return self.decoded.solid()

    @override
    def pixel(self, x: int, y: int) -> Colour:
        return self.decoded.pixel(x, y)

    @override
    def crop(self, rect: Rect) -> BgrxPixels:
        return self.decoded.crop(rect)

    @override
    def detached(self, room: Array8 | None = None) -> EncodedPixels:
        return replace(self, decoded=self.decoded.detached(room))

    @override
    def bgrx(self) -> BgrxPixels:
        return self.decoded

    @override
    def drawable(self) -> Array8:
        return self.decoded.drawable()

    @override
    def png(self) -> bytes:
        return self.decoded.png()

    @override
    def has_file(self, encoding: Encoding) -> bool:
        """Return whether the file may be sent unchanged."""
        return encoding.passes(self.mimetype)

    @override
    def smaller(self, encoding: Encoding) -> EncodedPixels | None:
        if self.is_kept or encoding.hurried or encoding.mimetype(lossy=True) != JPEG:
            return None
        bits, array = bits_per_pixel(len(self.data), self.width * self.height), self.decoded.array
        if bits <= BITS or not hides_losses(array):
            return None
        quality = encoding.lossy_quality(moving=True)
        if bits <= ORDINARY_BITS or needs_many_bits(array, quality):
            quality = encoding.lossy_quality(moving=True, detailed=True)
        data = encode_jpeg(array, quality, self.decoded.subsampling)
        if len(data) > WORTHWHILE * len(self.data):
            return None
        return EncodedPixels(JPEG, data, self.decoded)

    @override
    def encode(self, lossy: bool, encoding: Encoding, *, moving: bool = False) -> tuple[str, bytes]:
        """Return the file unchanged if losses are allowed and viewers can have it."""
        if lossy and self.has_file(encoding):
            return self.mimetype, self.data
        return self.decoded.encode(lossy, encoding, moving=moving)


class EncodedRects:
    """The files of rectangles in which nothing else has been drawn since, within limits."""

    __slots__ = ("_due", "_memory", "_taken", "_waiting")

    def __init__(self, memory: Budget | None = None) -> None:
        self._memory = memory
        self._waiting: dict[Rect, tuple[str, bytes]] = {}
        self._due: dict[Rect, tuple[str, bytes]] = {}
        """The files of the frame that is being made."""
        self._taken = 0
        """The bytes of both."""

    def add(self, rect: Rect, mimetype: str, data: bytes) -> None:
        """Keep a file that shows the contents of `rect`, unless a limit is reached."""
        full = len(self._waiting) >= FILES_MAX or self._taken + len(data) > FILES_BYTES_MAX
        if not data or full:
            return
        if self._memory is not None:
            try:
                self._memory.take(len(data), "an encoded picture")
            except OverrunError:
                return
        self._taken += len(data)
        self._waiting[rect] = (mimetype, data)

    def drawn(self, area: Rect) -> None:
        """Drop the files that overlap `area`, in which something else has been drawn."""
        if self._due:
            self._drop(self._due, list(self._due))
        if self._waiting:
            self._drop(self._waiting, [rect for rect in self._waiting if rect.intersection(area)])

    def clear(self) -> None:
        """Drop all files."""
        self._drop(self._due, list(self._due))
        self._drop(self._waiting, list(self._waiting))

    def take(self, rects: list[Rect]) -> list[Rect]:
        """Divide the rectangles of a frame, which cover all files, so that each file has its
        own."""
        self._drop(self._due, list(self._due))
        self._due, self._waiting = self._waiting, {}
        apart: list[Rect] = []
        for whole in self._due:
            rects = [part for rect in rects for part in rect.minus(whole)]
            apart.append(whole)
            if len(rects) > PARTS_MAX:
                break
        self._drop(self._due, list(self._due)[len(apart) :])
        return rects + apart

    @property
    def area(self) -> int:
        """The pixels of the files of the current frame."""
        return sum(rect.area for rect in self._due)

    def file(self, rect: Rect) -> tuple[str, bytes] | None:
        """Return the media type and the file of exactly this rectangle in the current frame."""
        return self._due.get(rect)

    def _drop(self, files: dict[Rect, tuple[str, bytes]], rects: list[Rect]) -> None:
        size = sum(len(files.pop(rect)[1]) for rect in rects)
        self._taken -= size
        if self._memory is not None:
            self._memory.give_back(size)
