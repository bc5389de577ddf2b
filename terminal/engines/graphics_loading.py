"""Decode the images in commands of the Kitty graphics protocol, from payloads to pixels.

They come from untrusted hosts, so everything is bounded before it is decompressed.
"""

from __future__ import annotations

import binascii
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image

from guacr.display.pixels import Array8
from terminal.engines.graphics import GraphicsCommand

PIXEL_BYTES = 4
"""Red, green, blue, alpha."""
PNG = "100"
"""The value of the key f for a PNG."""

_CHANNELS = {"24": 3, "32": 4}
_PNG_HEAD = struct.Struct(">8s4x4sII")
_PNG_START = (b"\x89PNG\r\n\x1a\n", b"IHDR")
_PNG_FAULTS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
"""The exceptions that Pillow raises for bad data."""
_BEGINNING = frozenset("fstvo")
"""Keys of which a command that begins an image has at least one, and a continuation none."""


class GraphicsError(Exception):
    """A command failed; the message is the protocol's reply: a code and a sentence."""


class Painted(NamedTuple):
    """The pixels of an image, ready to be painted; see `PlacedImage`."""

    pixels: Array8
    opaque: bool

    @classmethod
    def of(cls, width: int, height: int, rgba: bytes) -> Painted:
        """The image with these pixels, row by row."""
        image = Image.frombuffer("RGBA", (width, height), rgba, "raw", "RGBA", 0, 1)
        data = image.convert("RGBa").tobytes("raw", "BGRa")
        pixels = np.frombuffer(data, np.uint8).reshape(height, width, PIXEL_BYTES)
        return cls(pixels, bool(pixels[..., 3].min() == 255))


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A decoded image."""

    width: int
    height: int
    rgba: bytes
    """Row by row."""
    painted: Painted

    @classmethod
    def of(cls, width: int, height: int, rgba: bytes) -> Bitmap:
        """The image with these pixels."""
        return cls(width, height, rgba, Painted.of(width, height, rgba))


class Loader:
    """Joins the chunks of images, which arrive one after the other.

    Args:
        limit: maximum bytes of an image; one byte more is kept to detect excess.
    """

    __slots__ = ("_command", "_data", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._command: GraphicsCommand | None = None
        """The command that began the image that is arriving."""
        self._data = bytearray()

    def add(self, command: GraphicsCommand) -> tuple[GraphicsCommand, bytes] | None:
        """Add a command. If it is the last of an image, return the first command and the joined
        data."""
        if self._command is None or _BEGINNING & command.keys.keys():
            self._command, self._data = command, bytearray()
        room = self._limit + 1 - len(self._data)
        self._data += _decoded(command.payload)[:room]
        if command.number("m") == 1:
            return None
        arrived = self._command, bytes(self._data)
        self.reset()
        return arrived

    def reset(self) -> None:
        """Discard an incomplete image."""
        self._command, self._data = None, bytearray()


def unpack(command: GraphicsCommand, data: bytes, limit: int) -> Bitmap:
    """Decode the pixels of a transmission, up to `limit` bytes.

    Raises:
        GraphicsError: it cannot be decoded, is too large, or does not match its description.
    """
    if command.keys.get("t", "d") != "d":
        raise GraphicsError("EINVAL: only direct transmission is possible")
    if len(data) > limit:
        raise GraphicsError("EFBIG: too much data")
    if command.keys.get("f") == PNG:
        return _png(_inflated(command, data, limit), limit)
    channels = _CHANNELS.get(command.keys.get("f", "32"))
    if channels is None:
        raise GraphicsError("EINVAL: unsupported format")
    width, height = command.number("s"), command.number("v")
    _check_size(width, height, limit)
    size = width * height * channels
    data = _inflated(command, data, size)
    if len(data) != size:
        raise GraphicsError("ENODATA: the data does not have the size of the image")
    return Bitmap.of(width, height, data if channels == PIXEL_BYTES else _with_alpha(data))


def _decoded(payload: bytes) -> bytes:
    """The bytes of a chunk; empty if it is not base64, so that the image will lack them."""
    try:
        return binascii.a2b_base64(payload + b"=" * (-len(payload) % 4))
    except binascii.Error:
        return b""


def _check_size(width: int, height: int, limit: int) -> None:
    if width <= 0 or height <= 0:
        raise GraphicsError("EINVAL: dimensions required")
    if width * height * PIXEL_BYTES > limit:
        raise GraphicsError("EFBIG: the image is too large")


def _inflated(command: GraphicsCommand, data: bytes, limit: int) -> bytes:
    """The decompressed data; at most one byte more than `limit`."""
    if "o" not in command.keys:
        return data
    if command.keys["o"] != "z":
        raise GraphicsError("EINVAL: unsupported compression")
    try:
        return zlib.decompressobj().decompress(data, limit + 1)
    except zlib.error:
        raise GraphicsError("EINVAL: the data cannot be inflated") from None


def _png(data: bytes, limit: int) -> Bitmap:
    """Decode a PNG, whose size is known beforehand."""
    head = data[: _PNG_HEAD.size]
    if len(head) < _PNG_HEAD.size:
        raise GraphicsError("ENODATA: incomplete PNG")
    *start, width, height = _PNG_HEAD.unpack(head)
    if tuple(start) != _PNG_START:
        raise GraphicsError("EBADPNG: not a PNG")
    _check_size(width, height, limit)
    try:
        with Image.open(BytesIO(data), formats=("PNG",)) as image:
            return Bitmap.of(width, height, image.convert("RGBA").tobytes())
    except _PNG_FAULTS:
        raise GraphicsError("EBADPNG: the PNG cannot be read") from None


def _with_alpha(rgb: bytes) -> bytes:
    pixels = np.full((len(rgb) // 3, PIXEL_BYTES), 255, np.uint8)
    pixels[:, :3] = np.frombuffer(rgb, np.uint8).reshape(-1, 3)
    return pixels.tobytes()
