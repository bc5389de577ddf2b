"""The parts of one frame, in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from guacr.display.area import Region
from guacr.display.encoder import Encoding
from guacr.display.geometry import Rect
from guacr.display.parts import (
    AreaPart,
    ExactPart,
    ImagePart,
    Instructions,
    MovePart,
    Part,
    copied,
    filled,
)
from guacr.display.pixels import Colour, Pixels
from guacr.display.stream_indices import StreamIndices
from guacr.display.surface import Copy
from guacr.display.tiles import TileGrid
from guacr.protocol.instruction import encode, encode_stream

SRC, ROUT = 0xC, 0x2
"""Channel masks: replace; erase what lies below."""

SHARE_COST = 0.012
"""Seconds of work, at most, for one thread at a time; most pictures take a fraction of it."""


class Plan:
    """Instructions, images that are not encoded yet, and areas that are not classified yet.

    `encode` does all the work at once. If that takes long, `detach` is called on the event loop,
    `prepare` on a thread, the `shares` are encoded on threads, and `settle` follows on the event
    loop, before the next plan is made. A single share includes `prepare`. `made_at` is the time in
    seconds.
    """

    __slots__ = ("_made_at", "_parts", "_streams")

    def __init__(self, streams: StreamIndices, made_at: float = 0.0) -> None:
        self._parts: list[Part] = []
        self._streams = streams
        self._made_at = made_at

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, opcode: str, *args: str | int) -> None:
        """Add one instruction."""
        self._parts.append(Instructions(encode(opcode, *args)))

    def fill(self, layer: int, rect: Rect, colour: Colour, alpha: int = 255) -> None:
        """Add one colour over a rectangle of a layer."""
        self._parts.append(Instructions(filled(layer, rect, colour, alpha)))

    def erase(self, layer: int, rect: Rect) -> None:
        """Make a rectangle of a layer transparent."""
        self.add("rect", layer, *rect)
        self.add("cfill", ROUT, layer, 0, 0, 0, 255)

    def copy(self, layer: int, copy: Copy) -> None:
        """Add a copy from one place of a layer to another."""
        self._parts.append(Instructions(copied(layer, copy)))

    def image(self, layer: int, x: int, y: int, pixels: Pixels, *, lossy: bool = False) -> None:
        """Add pixels at a position of a layer."""
        self._parts.append(ImagePart(layer, x, y, pixels, lossy, self._streams.take()))

    def exact(self, layer: int, rect: Rect, pixels: Pixels, grid: TileGrid) -> None:
        """Add pixels without losses, for a part that viewers have with losses."""
        stream = self._streams.take()
        self._parts.append(ExactPart(layer, rect.x, rect.y, pixels, False, stream, grid))

    def region(self, layer: int, region: Region) -> None:
        """Add pixels of a layer, to be sent in the cheapest way."""
        self._parts.append(MovePart(layer, region))
        self._parts += [AreaPart(layer, area) for area in region.areas(self._made_at)]

    def file(self, layer: int, mimetype: str, data: bytes) -> None:
        """Add an encoded image, which replaces the pixels at the layer's upper left."""
        stream = self._streams.take()
        opening = encode("img", stream, SRC, layer, mimetype, 0, 0)
        self._parts.append(Instructions(encode_stream(opening, stream, data)))

    def cost(self, encoding: Encoding) -> float:
        """Return the maximum estimated seconds that `encode` takes."""
        return sum(part.cost(encoding) for part in self._parts)

    def detach(self) -> None:
        """Copy the pixels that still belong to a surface, so that it can be drawn on again."""
        for part in self._parts:
            part.detach()

    def encode(self, encoding: Encoding) -> bytes:
        """Return the whole frame without its `sync`."""
        data = self._encode_prepared(encoding)
        self.settle()
        return data

    def prepare(self) -> None:
        """Search for moves."""
        for part in self._parts:
            part.prepare()

    def shares(self, encoding: Encoding) -> list[Callable[[], bytes]]:
        """Return functions that encode the parts in order, each of which is worth a thread. A
        single one prepares them first."""
        found: list[Callable[[], bytes]] = []
        start, spent = 0, 0.0
        for number, part in enumerate(self._parts, 1):
            spent += part.cost(encoding)
            if spent > SHARE_COST or number == len(self._parts):
                found.append(partial(self._encode, self._parts[start:number], encoding))
                start, spent = number, 0.0
        return found if len(found) > 1 else [partial(self._encode_prepared, encoding)]

    def settle(self) -> None:
        """Report the results to the layers."""
        for part in self._parts:
            part.settle(self._made_at)

    def _encode_prepared(self, encoding: Encoding) -> bytes:
        self.prepare()
        return self._encode(self._parts, encoding)

    def _encode(self, parts: Iterable[Part], encoding: Encoding) -> bytes:
        return b"".join(piece for part in parts for piece in part.encode(encoding, self._streams))
