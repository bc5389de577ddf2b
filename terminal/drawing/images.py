"""Images in a terminal: their position in the window, changes, and drawing.

An image is above the text if its z is not negative, and below it otherwise; below
BELOW_BACKGROUNDS it is also below all backgrounds but the terminal's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
from PIL import Image

from guacr.display.geometry import Rect
from guacr.display.pixels import Array8, BgrxPixels, Pixels
from guacr.display.surface import Copy
from terminal.drawing.compositor import Ground
from terminal.engines.contents import PlacedImage

BELOW_BACKGROUNDS = -(1 << 30)

MAX_COVER = 8
"""How many times images may cover the window in total; beyond it only the topmost are drawn."""

MAX_OPAQUE = 32
"""Maximum images that are considered, from the topmost down."""

MAX_RECTS = 32
"""Maximum changed places that are drawn individually."""

TILE = 128
"""The width and height of the tiles that are scaled together, in pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image positioned in the window; see `PlacedImage`."""

    area: Rect
    """The area that the image covers, in pixels of the window; it may extend beyond it."""
    z: int
    source: Rect
    generation: int
    opaque: bool
    pixels: Array8 = field(compare=False, repr=False)

    def moved(self, dy: int) -> Picture:
        """Return the same picture moved down."""
        return replace(self, area=self.area.moved(0, dy))


def pictures(images: Sequence[PlacedImage], cell: tuple[int, int], window: Rect) -> list[Picture]:
    """Return the visible images, the lowest first, in a window with cells of this size. Programs
    play films by placing images over one another, of which only the last is drawn."""
    found: list[Picture] = []
    opaque: list[Rect] = []
    left = MAX_COVER * window.area
    for image in reversed(images):
        x, y = image.column * cell[0] + image.x, image.row * cell[1] + image.y
        area = Rect(x, y, image.width, image.height)
        seen = area.intersection(window)
        if seen is None or any(over.contains(seen) for over in opaque):
            continue
        left -= seen.area
        if left < 0:
            break
        if image.opaque and len(opaque) < MAX_OPAQUE:
            opaque.append(seen)
        found.append(
            Picture(area, image.z, image.source, image.generation, image.opaque, image.pixels)
        )
    return found[::-1]


def changed(
    old: Sequence[Picture], new: Sequence[Picture], copies: Sequence[Copy], window: Rect
) -> list[Rect]:
    """The places where the pictures in a window are outdated after rows of it have been copied, all
    by the same distance. The rectangles may overlap; see `joined`."""
    rows = [Rect(copy.x, copy.y, copy.source.width, copy.source.height) for copy in copies]
    distance = copies[0].y - copies[0].source.y if copies else 0
    wrong = [
        part
        for area in _differing(old, new)
        if (seen := area.intersection(window))
        for part in _outside(seen, rows)
    ]
    if copies:
        brought = [picture.moved(distance) for picture in old]
        areas = _differing(brought, new)
        found = (area.intersection(row) for area in areas for row in rows)
        wrong += [part for part in found if part]
    return wrong


def _differing(old: Sequence[Picture], new: Sequence[Picture]) -> list[Rect]:
    before, after = Counter(old), Counter(new)
    return [picture.area for picture in (before - after) + (after - before)]


def joined(rects: Sequence[Rect], more: Sequence[Rect]) -> list[Rect]:
    """Join rectangles that do not overlap with others that may, into rectangles that do not
    overlap; these cover more if there would be too many."""
    if len(more) > MAX_RECTS:
        return [reduce(Rect.union, (*rects, *more))]
    result = list(rects)
    for rect in more:
        result += _outside(rect, result)
    return result


def _outside(rect: Rect, holes: Sequence[Rect]) -> list[Rect]:
    """The part of a rectangle outside all of the others, as rectangles that do not overlap."""
    parts = [rect]
    for hole in holes:
        parts = [rest for part in parts for rest in part.minus(hole)]
    return parts


def illustrated(
    pixels: Pixels, block: Rect, shown: Sequence[Picture], ground: Callable[[], Ground]
) -> BgrxPixels:
    """Combine text with the pictures above and below it.

    Args:
        pixels: the text within `block`.
        block: the area of the window.
        shown: the pictures, the lowest first.
        ground: called if there are pictures below the text.
    """
    array = pixels.drawable()
    below = [picture for picture in shown if picture.z < 0]
    if below:
        _lay_below(array, block, below, ground())
    _paint(array, block, shown[len(below) :])
    return BgrxPixels(array)


def _lay_below(text: Array8, block: Rect, below: Sequence[Picture], ground: Ground) -> None:
    """Draw pictures between the text and its background."""
    deep = sum(picture.z < BELOW_BACKGROUNDS for picture in below)
    laid = ground.colours.copy()
    _paint(laid, block, below[:deep])
    if deep:
        np.copyto(laid, ground.colours, where=ground.filled[..., None])
    _paint(laid, block, below[deep:])
    np.copyto(text, laid, where=ground.coverage[..., None] == 0)
    mixed = (ground.coverage > 0) & (ground.coverage < 255)
    difference = laid[mixed].astype(np.int32) - ground.colours[mixed]
    difference *= 255 - ground.coverage[mixed][:, None].astype(np.int32)
    text[mixed] = np.clip(text[mixed] + np.rint(difference / 255).astype(np.int32), 0, 255)


def _paint(target: Array8, block: Rect, shown: Sequence[Picture]) -> None:
    """Paint pictures over `target`, the pixels of `block`, laid out as in BgrxPixels."""
    for picture in shown:
        seen = picture.area.intersection(block)
        if seen is None:
            continue
        drawn = _scaled(picture, seen)
        x, y = seen.x - block.x, seen.y - block.y
        part = target[y : y + seen.height, x : x + seen.width]
        if picture.opaque:
            part[...] = drawn
        else:
            through = 255 - drawn[..., 3:].astype(np.uint16)
            part[...] = drawn + (part * through + 127) // 255
        part[..., 3] = 0


def _scaled(picture: Picture, seen: Rect) -> Array8:
    """The visible part of a picture, (height, width, 4), in the layout of its image.

    It is scaled in tiles, so that a pixel does not depend on what is drawn with it.
    """
    source, area = picture.source, picture.area
    pixels = picture.pixels[source.y : source.bottom, source.x : source.right]
    part = seen.moved(-area.x, -area.y)
    if (area.width, area.height) == (source.width, source.height):
        return pixels[part.y : part.bottom, part.x : part.right]
    # all four channels must be scaled alike
    image = Image.frombuffer(
        "RGBX", (source.width, source.height), np.ascontiguousarray(pixels), "raw", "RGBX", 0, 1
    )
    x, y = part.x // TILE * TILE, part.y // TILE * TILE
    right, bottom = min(_up(part.right), area.width), min(_up(part.bottom), area.height)
    scaled = np.empty((bottom - y, right - x, 4), np.uint8)
    for top in range(y, bottom, TILE):
        for left in range(x, right, TILE):
            tile = Rect(left, top, min(TILE, right - left), min(TILE, bottom - top))
            drawn = _tile(image, area, tile)
            scaled[top - y : tile.bottom - y, left - x : tile.right - x] = drawn
    return scaled[part.y - y : part.bottom - y, part.x - x : part.right - x]


def _tile(image: Image.Image, area: Rect, tile: Rect) -> Array8:
    """A tile of an image that is scaled to the size of `area`."""
    across, down = image.width / area.width, image.height / area.height
    box = (
        tile.x * across,
        tile.y * down,
        min(tile.right * across, image.width),
        min(tile.bottom * down, image.height),
    )
    return np.asarray(image.resize((tile.width, tile.height), Image.Resampling.BILINEAR, box))


def _up(pixels: int) -> int:
    return -(-pixels // TILE) * TILE
