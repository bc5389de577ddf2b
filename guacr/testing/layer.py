"""One layer or buffer of a client, which behaves like an HTML canvas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from guacr.testing.damage import Box, Damage
from guacr.testing.wire import WireError

Rgba = NDArray[np.uint8]
"""(height, width, 4): red, green, blue, alpha, not premultiplied."""

SIDE_MAX = 16384
STEP = 64
"""guacamole-common-js creates canvases in multiples of this; what is drawn beyond a layer's size is
kept there, invisibly."""

OUT, OVER = 0x2, 0xE
_ALPHA = 0xFF000000
Factor = Callable[[NDArray[np.float32]], NDArray[np.float32] | float]


def _zero(alpha: NDArray[np.float32]) -> float:
    return 0.0


def _one(alpha: NDArray[np.float32]) -> float:
    return 1.0


def _same(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    return alpha


def _rest(alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.float32(1) - alpha


MASKS: dict[int, tuple[Factor, Factor]] = {
    0x1: (_zero, _same),  # destination-in
    OUT: (_zero, _rest),  # destination-out
    0x4: (_same, _zero),  # source-in
    0x6: (_same, _rest),  # source-atop
    0x8: (_rest, _zero),  # source-out
    0x9: (_rest, _same),  # destination-atop
    0xA: (_rest, _rest),  # xor
    0xB: (_rest, _one),  # destination-over
    0xC: (_one, _zero),  # copy
    OVER: (_one, _rest),  # source-over
    0xF: (_one, _one),  # lighter
}
"""Porter and Duff's factors: of the source by the backdrop's alpha, and vice versa."""

UNBOUNDED = frozenset({0x1, 0x4, 0x8, 0x9, 0xC})
"""Masks that erase everything outside of the drawn shape, as canvases do."""


def blend(backdrop: Rgba, source: Rgba, mask: int) -> Rgba:
    """Return `source` drawn on `backdrop`, which has the same shape."""
    if mask in (OUT, OVER) and is_opaque(source):
        return source if mask == OVER else np.zeros_like(backdrop)
    source_factor, backdrop_factor = MASKS[mask]
    upper = _unit(source[..., 3:])
    lower = _unit(backdrop[..., 3:])
    upper_share = upper * source_factor(lower)
    lower_share = lower * backdrop_factor(upper)
    alpha = np.minimum(upper_share + lower_share, 1)
    colour = source[..., :3] * upper_share + backdrop[..., :3] * lower_share
    colour /= np.where(alpha == 0, 1, alpha)
    mixed = np.concatenate([np.minimum(colour, 255), alpha * 255], axis=2)
    return (mixed + np.float32(0.5)).astype(np.uint8)


def is_opaque(image: Rgba) -> bool:
    """Return whether no pixel is transparent."""
    if image.size and image[0, 0, 3] < 255:
        return False
    return bool(np.bitwise_and.reduce(_whole(image), axis=None) & _ALPHA == _ALPHA)


def _whole(image: Rgba) -> NDArray[np.uint32]:
    """Return the same pixels as numbers, which are compared several times as fast as bytes."""
    return image.view("<u4")[..., 0]


def _without_border(x: int, y: int, image: Rgba) -> tuple[int, int, Rgba]:
    """Return an image without the rows and columns at its sides that are transparent, and its new
    place."""
    if image.size and image[0, 0, 3] and image[-1, -1, 3]:
        return x, y, image
    if not _whole(image).any():
        return x, y, image[:0]
    alpha = image[..., 3]
    rows = np.flatnonzero(alpha.any(axis=1))
    if not rows.size:
        return x, y, image[:0]
    columns = np.flatnonzero(alpha.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return x + left, y + top, image[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]


def _unit(alpha: Rgba) -> NDArray[np.float32]:
    return np.divide(alpha, 255, dtype=np.float32)


class Layer:
    """A canvas with a size, a mask, a path of rectangles and, if visible, a position."""

    def __init__(self, index: int, width: int = 0, height: int = 0) -> None:
        self.index = index
        self.width = self.height = 0
        self.canvas: Rgba = np.zeros((0, 0, 4), np.uint8)
        self.mask = OVER
        self.parent: Layer | None = None
        self.x = self.y = self.z = 0
        self.order = 0
        self.opacity = 255
        self.damage = Damage()
        """The areas that were drawn since they were taken."""
        self._path: list[tuple[int, int, int, int]] = []
        self.resize(width, height)

    @property
    def pixels(self) -> Rgba:
        """The layer's own pixels."""
        return self.canvas[: self.height, : self.width]

    @property
    def area(self) -> Box:
        """All of the layer."""
        return 0, 0, self.width, self.height

    def resize(self, width: int, height: int) -> None:
        """Change the size; the remaining pixels are kept."""
        if not (0 <= width <= SIDE_MAX and 0 <= height <= SIDE_MAX):
            raise WireError(f"layer {self.index} of {width}x{height} pixels")
        if (width, height) == (self.width, self.height):
            return
        shape = (-(-height // STEP) * STEP, -(-width // STEP) * STEP, 4)
        if shape != self.canvas.shape:
            kept = self.canvas[: min(self.height, height), : min(self.width, width)]
            self.canvas = np.zeros(shape, np.uint8)
            self.canvas[: kept.shape[0], : kept.shape[1]] = kept
        else:
            self.mask = OVER  # the canvas's state is reset
        self._path = []
        self.width, self.height = width, height

    def draw(self, x: int, y: int, image: Rgba) -> None:
        """Draw an image with its upper left corner at (x, y), using the layer's mask."""
        self._fit(x + image.shape[1], y + image.shape[0])
        rows, columns = self.canvas.shape[:2]
        top, left = max(0, -y), max(0, -x)
        image = image[top : max(0, rows - y), left : max(0, columns - x)]
        x, y = x + left, y + top
        if self.mask in UNBOUNDED:
            whole = np.zeros_like(self.canvas)
            whole[y : y + image.shape[0], x : x + image.shape[1]] = image
            self.canvas[:] = blend(self.canvas, whole, self.mask)
            self.damage.add(self.area)
            return
        if self.mask == OVER:
            x, y, image = _without_border(x, y, image)
        if image.size:
            below = self.canvas[y : y + image.shape[0], x : x + image.shape[1]]
            below[:] = blend(below, image, self.mask)
            self.damage.add((x, y, x + image.shape[1], y + image.shape[0]))

    def cut(self, x: int, y: int, width: int, height: int) -> Rgba:
        """Return a copy of a part, clipped to the canvas on the right and at the bottom."""
        if x < 0 or y < 0 or width < 0 or height < 0:
            raise WireError(f"source {x},{y} {width}x{height} on layer {self.index}")
        return self.canvas[y : y + height, x : x + width].copy()

    def put(self, x: int, y: int, image: Rgba) -> None:
        """Replace pixels, including alpha (`transfer` with SRC)."""
        self._fit(x + image.shape[1], y + image.shape[0])
        below = self.canvas[max(0, y) : max(0, y + image.shape[0])]
        below = below[:, max(0, x) : max(0, x + image.shape[1])]
        top, left = max(0, -y), max(0, -x)
        below[:] = image[top : top + below.shape[0], left : left + below.shape[1]]
        self.damage.add((x, y, x + image.shape[1], y + image.shape[0]))

    def add_rect(self, x: int, y: int, width: int, height: int) -> None:
        """Add the part of a rectangle that is on the canvas to the path."""
        self._fit(x + width, y + height)
        rows, columns = self.canvas.shape[:2]
        left, top = min(max(x, 0), columns), min(max(y, 0), rows)
        right, bottom = min(max(x + width, left), columns), min(max(y + height, top), rows)
        self._path.append((left, top, right - left, bottom - top))

    def fill(self, colour: tuple[int, int, int, int]) -> None:
        """Fill the path, then close it."""
        if not self._path:
            raise WireError(f"cfill without a path on layer {self.index}")
        left = min(x for x, _, _, _ in self._path)
        top = min(y for _, y, _, _ in self._path)
        right = max(x + width for x, _, width, _ in self._path)
        bottom = max(y + height for _, y, _, height in self._path)
        shape = np.zeros((bottom - top, right - left), np.uint32)  # four times as fast as bytes
        pixel = np.array(colour, np.uint8).view(np.uint32)
        for x, y, width, height in self._path:
            shape[y - top : y - top + height, x - left : x - left + width] = pixel
        self._path = []
        self.draw(left, top, shape[..., None].view(np.uint8))

    def _fit(self, right: int, bottom: int) -> None:
        """Grow a buffer to fit what is drawn on it."""
        if self.index < 0:
            self.resize(max(self.width, right), max(self.height, bottom))
