"""The parts of a frame, and how each becomes instructions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from typing_extensions import override

from guacr.display.area import Area, Region
from guacr.display.encoder import Encoding
from guacr.display.geometry import Rect
from guacr.display.pixels import Colour, Pixels
from guacr.display.stream_indices import StreamIndices
from guacr.display.surface import Copy
from guacr.display.tiles import Kind, TileGrid
from guacr.protocol.instruction import encode, encode_stream

OVER = 0xE
"""The channel mask for drawing over existing pixels."""


class Part(ABC):
    """A part of a frame; `Plan` describes the order of the calls."""

    __slots__ = ()

    def cost(self, encoding: Encoding) -> float:
        """Return the maximum estimated seconds that `encode` takes."""
        return 0.0

    def detach(self) -> None:
        """Copy pixels that belong to a surface."""

    def prepare(self) -> None:
        """Do what must precede the encoding of any part; may run on a thread."""

    @abstractmethod
    def encode(self, encoding: Encoding, streams: StreamIndices) -> Iterator[bytes]:
        """Yield the instructions; may run on a thread."""

    def settle(self, now: float) -> None:
        """Report the results to the layer."""


@dataclass(frozen=True, slots=True)
class Instructions(Part):
    """Complete instructions."""

    data: bytes

    @override
    def encode(self, encoding: Encoding, streams: StreamIndices) -> Iterator[bytes]:
        yield self.data


@dataclass(slots=True)
class ImagePart(Part):
    """An image at a position of a layer."""

    layer: int
    x: int
    y: int
    pixels: Pixels
    lossy: bool
    stream: int

    @override
    def cost(self, encoding: Encoding) -> float:
        return self.pixels.cost(self.lossy, encoding)

    @override
    def detach(self) -> None:
        self.pixels = self.pixels.detached()

    @override
    def encode(
        self, encoding: Encoding, streams: StreamIndices, *, moving: bool = False
    ) -> Iterator[bytes]:
        mimetype, data = self.pixels.encode(self.lossy, encoding, moving=moving)
        opening = encode("img", self.stream, OVER, self.layer, mimetype, self.x, self.y)
        yield encode_stream(opening, self.stream, data)


@dataclass(slots=True)
class ExactPart(ImagePart):
    """An image without losses, and the state of the layer's tiles, which learns of it after
    everything before it in the frame: moves may have copied parts that still had losses."""

    grid: TileGrid

    @override
    def settle(self, now: float) -> None:
        rect = Rect(self.x, self.y, self.pixels.width, self.pixels.height)
        self.grid.sent(rect, lossy=False)


@dataclass(frozen=True, slots=True)
class MovePart(Part):
    """The move in a region of a layer, before its areas are classified."""

    layer: int
    region: Region

    @override
    def detach(self) -> None:
        self.region.detach()

    @override
    def prepare(self) -> None:
        self.region.find_move()

    @override
    def encode(self, encoding: Encoding, streams: StreamIndices) -> Iterator[bytes]:
        """Yield a copy, if a move was found."""
        if self.region.copy is not None:
            yield copied(self.layer, self.region.copy)


@dataclass(frozen=True, slots=True)
class AreaPart(Part):
    """A part of a region, sent in the cheapest way."""

    layer: int
    area: Area

    @override
    def cost(self, encoding: Encoding) -> float:
        """Return the cost as if all of it were sent losslessly."""
        return self.area.cost(encoding)

    @override
    def encode(self, encoding: Encoding, streams: StreamIndices) -> Iterator[bytes]:
        for piece in self.area.pieces(encoding):
            rect, lossy = piece.rect, piece.kind is Kind.LOSSY
            if piece.kind is Kind.SOLID:
                yield filled(self.layer, rect, piece.pixels.pixel(0, 0))
                continue
            image = ImagePart(self.layer, rect.x, rect.y, piece.pixels, lossy, streams.take())
            yield from image.encode(encoding, streams, moving=self.area.moving)

    @override
    def settle(self, now: float) -> None:
        self.area.settle(now)


def copied(layer: int, copy: Copy) -> bytes:
    """Encode a copy from one place of a layer to another."""
    return encode("copy", layer, *copy.source, OVER, layer, copy.x, copy.y)


def filled(layer: int, rect: Rect, colour: Colour, alpha: int = 255) -> bytes:
    """Encode one colour over a rectangle of a layer."""
    return encode("rect", layer, *rect) + encode("cfill", OVER, layer, *colour, alpha)
