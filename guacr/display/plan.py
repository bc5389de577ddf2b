"""The parts of one frame, in the order in which they are sent."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.display.encoder import Encoding, cost, encode_image
from guacr.display.geometry import Rect
from guacr.display.pixels import BgrxPixels, Pixels
from guacr.display.surface import Copy
from guacr.protocol.instruction import encode, encode_stream

OVER, SRC, ROUT = 0xE, 0xC, 0x2
"""Channel masks: draw over; replace; erase what lies below."""
STREAMS = 64
"""Stream indices that images take in turn: each is free again after its `end`."""

Colour = tuple[int, int, int]


class StreamIndices:
    """Indices for streams that go to every user: odd ones, as libguac has it."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        """The next index."""
        self._next = (self._next + 1) % STREAMS
        return self._next * 2 + 1


@dataclass(slots=True)
class _Image:
    layer: int
    x: int
    y: int
    pixels: Pixels
    lossy: bool
    stream: int


class Plan:
    """Instructions, and images that are yet to be encoded.

    `encode` may run on any thread once `detach` has been called.
    """

    __slots__ = ("_parts", "_streams")

    def __init__(self, streams: StreamIndices) -> None:
        self._parts: list[bytes | _Image] = []
        self._streams = streams

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, opcode: str, *args: str | int) -> None:
        """One instruction."""
        self._parts.append(encode(opcode, *args))

    def fill(self, layer: int, rect: Rect, colour: Colour, alpha: int = 255) -> None:
        """One colour over a rectangle of a layer."""
        self.add("rect", layer, *rect)
        self.add("cfill", OVER, layer, *colour, alpha)

    def erase(self, layer: int, rect: Rect) -> None:
        """Nothing but transparency in a rectangle of a layer."""
        self.add("rect", layer, *rect)
        self.add("cfill", ROUT, layer, 0, 0, 0, 255)

    def copy(self, layer: int, copy: Copy) -> None:
        """Pixels from one place of a layer to another."""
        self.add("copy", layer, *copy.source, OVER, layer, copy.x, copy.y)

    def image(self, layer: int, x: int, y: int, pixels: Pixels, *, lossy: bool = False) -> None:
        """Pixels at a place of a layer."""
        self._parts.append(_Image(layer, x, y, pixels, lossy, self._streams.take()))

    def file(self, layer: int, mimetype: str, data: bytes) -> None:
        """An image that is encoded already, replacing what is at the layer's upper left."""
        stream = self._streams.take()
        opening = encode("img", stream, SRC, layer, mimetype, 0, 0)
        self._parts.append(encode_stream(opening, stream, data))

    def cost(self, encoding: Encoding) -> float:
        """About how many seconds `encode` will take."""
        return sum(
            cost(part.pixels, part.lossy, encoding)
            for part in self._parts
            if isinstance(part, _Image)
        )

    def detach(self) -> None:
        """Copy the pixels that still belong to a surface, so that it can be drawn on again."""
        for part in self._parts:
            if isinstance(part, _Image) and isinstance(part.pixels, BgrxPixels):
                part.pixels = BgrxPixels(part.pixels.array.copy())

    def encode(self, encoding: Encoding) -> bytes:
        """The whole frame but its `sync`."""
        return b"".join(
            part if isinstance(part, bytes) else _encode_image(part, encoding)
            for part in self._parts
        )


def _encode_image(image: _Image, encoding: Encoding) -> bytes:
    mimetype, data = encode_image(image.pixels, image.lossy, encoding)
    opening = encode("img", image.stream, OVER, image.layer, mimetype, image.x, image.y)
    return encode_stream(opening, image.stream, data)
