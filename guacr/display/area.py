"""New true-colour pixels, before it is known how to send each part of them.

A plan is made on the event loop, where only the pixels are kept. A thread then classifies them
(unchanged, of one colour, text, photo), and the result is reported to the layer afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guacr.display.encoder import Encoding, cost
from guacr.display.geometry import Rect
from guacr.display.moves import MoveSearch, Words
from guacr.display.pixels import Array8, IndexedPixels, Pixels
from guacr.display.surface import Copy
from guacr.display.tiles import SAME_NEIGHBOURS, TEXT_COLOURS, TILE, Kind, TileGrid, Tiling

IMAGE_WIDTH = 1024
"""Maximum width of an image in pixels, since clients decode several images in parallel."""
LOSSY_AREA = TILE * TILE * 16
"""Pixels from which even a first picture may be sent with losses, for speed."""
MOVING_SHARE = 0.5
"""The share of an area's tiles that must move for the area to count as moving."""
WHOLE_SHARE = 0.5
"""The share of changed tiles in the rectangle around them from which it may be sent as a whole."""
CLASSIFY_COST = 5e-9
"""Seconds per pixel for classification."""
BAND, BAND_AREA = 4 * TILE, 512 * 1024
"""Rows that are classified and encoded at a time, so that several threads can share the work; more
if they have fewer pixels."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle of one colour, or of an image with or without losses."""

    rect: Rect
    kind: Kind
    pixels: Pixels


class Region:
    """A rectangle of a layer that has been redrawn, and its pixels.

    Args:
        rect: its position and size.
        pixels: its pixels.
        grid: the state of the layer's tiles.
        shown: the picture that the viewers have, (height, width, 4) of the whole layer, which is
            updated with this region; None if everything is to be sent.
        whole: True if it is part of a whole picture, which only viewers without one receive.
        exact: True if no part may be sent with losses.
        room: where `detach` puts its copy of the pixels; a new array if None.
        is_copy: True if the pixels are a copy already.
        search: searches for moves, if that is worthwhile.
    """

    __slots__ = (
        "_exact", "_grid", "_is_copy", "_room", "_shown", "_whole", "copy", "pixels", "rect",
        "search",
    )  # fmt: skip

    def __init__(
        self,
        rect: Rect,
        pixels: Pixels,
        grid: TileGrid,
        *,
        shown: Array8 | None = None,
        whole: bool = False,
        exact: bool = False,
        search: MoveSearch | None = None,
        room: Array8 | None = None,
        is_copy: bool = False,
    ) -> None:
        self.rect = rect
        self.pixels = pixels
        self._grid = grid
        self._shown = shown
        self._whole = whole
        self._exact = exact
        self._room = room
        self._is_copy = is_copy
        self.search = search
        self.copy: Copy | None = None
        """The move that `find_move` has found."""
        if pixels.is_shared:
            self.detach()

    def detach(self) -> None:
        """Copy the pixels, so that their surface can be drawn on again."""
        if not self._is_copy:
            self.pixels = self.pixels.detached(self._room)
            self._is_copy = True

    def areas(self, now: float) -> Iterator[Area]:
        """Yield its parts; what moves at `now` (seconds) may be sent with losses."""
        all_may = self.rect.area >= LOSSY_AREA
        for band in _bands(self.rect):
            hot = self._grid.hot(band, now)
            may_lose = hot
            if self._exact or all_may:
                may_lose = np.full_like(hot, not self._exact)
            yield Area(self, band, may_lose, moving=hot)

    def find_move(self) -> None:
        """Search for a move, on any thread, before the areas are classified: the viewers have the
        moved pixels once they have carried out `copy`."""
        before = self.shown_in(self.rect)
        if self.search is None or before is None:
            return
        copy = self.search.find(before, self.pixels.bgrx().words())
        if copy is None:
            return
        source = copy.source
        moved = before[source.y : source.bottom, source.x : source.right].copy()
        before[copy.y : copy.y + source.height, copy.x : copy.x + source.width] = moved
        x, y = self.rect.x, self.rect.y
        self.copy = Copy(source.moved(x, y), copy.x + x, copy.y + y)

    def shown_in(self, rect: Rect) -> Words | None:
        """Return what the viewers have in a part of it, as a writable view."""
        if self._shown is None:
            return None
        inside = self._shown[rect.y : rect.bottom, rect.x : rect.right]
        return inside.view(np.uint32)[..., 0]

    def settle(
        self,
        changed: tuple[Rect, NDArray[np.bool_] | None] | None,
        sent: list[tuple[Rect, bool]],
        now: float,
    ) -> None:
        """Report to the layer which tiles have changed, and which rectangles were sent, and whether
        with losses."""
        if self.copy is not None:
            source = self.copy.source
            target = Rect(self.copy.x, self.copy.y, source.width, source.height)
            self._grid.moved(source, target, now)
            self.copy = None
        if changed is not None and not self._whole:
            rect, tiles = changed
            self._grid.touch(rect, now, tiles)
        for part, lossy in sent:
            if lossy or not self._whole:
                self._grid.sent(part, lossy=lossy)


class Area:
    """A part of a region, which is sent in the cheapest way. For each tile that `rect` touches,
    `may_lose` is True if losses are allowed, and `moving` if it changes continuously."""

    __slots__ = ("_changed", "_may_lose", "_sent", "moving", "rect", "region")

    def __init__(
        self,
        region: Region,
        rect: Rect,
        may_lose: NDArray[np.bool_],
        moving: NDArray[np.bool_],
    ) -> None:
        self.region = region
        self.rect = rect
        self._may_lose = may_lose
        self.moving = bool(moving.mean() > MOVING_SHARE)
        """True if it is like a video, for which a lower quality is sufficient."""
        self._changed: tuple[Rect, NDArray[np.bool_] | None] | None = None
        """A rectangle, and its tiles that have changed; None for all of them."""
        self._sent: list[tuple[Rect, bool]] = []

    def cost(self, encoding: Encoding) -> float:
        """Return the maximum estimated seconds for classifying and encoding the pieces."""
        if not self.region.pixels.has_file(encoding):
            encoded = cost(self.rect.area, "png")
        else:
            encoded = cost(self.rect.area, "jpeg") if self.moving else 0.0
        return self.rect.area * CLASSIFY_COST + encoded

    def pieces(self, encoding: Encoding) -> Iterator[Piece]:
        """Yield the pieces to send; may run on any thread."""
        if not self.region.pixels.has_file(encoding):
            yield from self._classified()
        elif self.rect.y == self.region.rect.y:  # one area stands for the whole region
            yield from self._file(encoding)

    def _file(self, encoding: Encoding) -> Iterator[Piece]:
        """Yield the file that contains the pixels, or a smaller one for a moving picture, unless
        the viewers already have them."""
        rect, pixels = self.region.rect, self.region.pixels
        words, shown = pixels.bgrx().words(), self.region.shown_in(rect)
        if shown is not None:
            if np.array_equal(words, shown):
                return
            shown[:] = words
        self._changed = (rect, None)
        smaller = pixels.smaller(encoding) if self.moving else None
        # There is no better version of the host's file to send later.
        self._sent.append((rect, smaller is not None))
        yield Piece(rect, Kind.LOSSY, smaller or pixels)

    def _classified(self) -> Iterator[Piece]:
        rect, region, tiling = self.rect, self.region, Tiling(self.rect)
        pixels = region.pixels.bgrx().crop(rect.moved(-region.rect.x, -region.rect.y))
        words, shown = pixels.words(), region.shown_in(rect)
        changed = tiling.changed(words, shown)
        if not changed.any():
            return
        self._changed = (rect, changed)
        box = tiling.box(changed)
        indexed = None
        if tiling.area(changed) >= WHOLE_SHARE * box.area:
            indexed = pixels.crop(box.moved(-rect.x, -rect.y)).indexed()
        if indexed is not None and (_is_like_text(indexed) or not self._may_lose.any()):
            self._sent.append((box, False))
            yield from _whole(box, indexed)
        else:
            for tile in tiling.classify(words, self._may_lose, changed):
                self._sent.append((tile.rect, tile.kind is Kind.LOSSY))
                for piece in _cut(tile.rect) if tile.kind is not Kind.SOLID else [tile.rect]:
                    yield Piece(piece, tile.kind, pixels.crop(piece.moved(-rect.x, -rect.y)))
        if shown is not None:
            shown[:] = words

    def settle(self, now: float) -> None:
        """Report the result to the layer; on the event loop."""
        sent, self._sent = self._sent, []
        self.region.settle(self._changed, sent, now)
        self._changed = None


def _is_like_text(pixels: IndexedPixels) -> bool:
    """Return False for pictures in few colours that are still like photos, such as grey ones."""
    if len(pixels.palette) <= TEXT_COLOURS:
        return True
    indices = pixels.indices
    same = np.count_nonzero(indices[:, 1:] == indices[:, :-1])
    return bool(same >= SAME_NEIGHBOURS * indices.size)


def _whole(rect: Rect, pixels: IndexedPixels) -> Iterator[Piece]:
    """Yield all of a rectangle with few colours, unchanged parts included: fewer images are cheaper
    than fewer pixels."""
    if len(pixels.palette) == 1:
        yield Piece(rect, Kind.SOLID, pixels)
        return
    for piece in _cut(rect):
        part = pixels if piece == rect else pixels.crop(piece.moved(-rect.x, -rect.y))
        yield Piece(piece, Kind.LOSSLESS, part)


def _bands(rect: Rect) -> Iterator[Rect]:
    """Split a rectangle into bands that are worth a thread; they meet at tile boundaries."""
    rows = max(BAND, BAND_AREA // rect.width // TILE * TILE)
    top = rect.y
    while top < rect.bottom:
        bottom = min((top // rows + 1) * rows, rect.bottom)
        yield Rect(rect.x, top, rect.width, bottom - top)
        top = bottom


def _cut(rect: Rect) -> Iterator[Rect]:
    """Split a rectangle into images of limited width; bands already have a limited height."""
    for x in range(rect.x, rect.right, IMAGE_WIDTH):
        yield Rect(x, rect.y, min(IMAGE_WIDTH, rect.right - x), rect.height)
