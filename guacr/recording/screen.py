"""The picture of a recording, of which only what changes is drawn again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.testing.canvas import Canvas
from guacr.testing.damage import Box, clip

Picture = NDArray[np.uint8]
"""(height, width, 4): red, green, blue, and a byte that is not shown."""


class Screen:
    """A canvas with its pointer, in a picture of a constant size, whose sides are even: what is
    beyond is cut off, and the rest is black."""

    def __init__(self, canvas: Canvas, width: int, height: int) -> None:
        self.picture: Picture = np.zeros((height, width, 4), np.uint8)
        self._canvas = canvas
        self._pointer: Box = (0, 0, 0, 0)
        self._cursor = canvas.cursor

    def update(self) -> list[Box]:
        """Draw what may have changed, and return these areas, whose coordinates are even."""
        height, width, _ = self.picture.shape
        boxes = [*self._canvas.take_damage(), *self._move_pointer()]
        clipped = [clip(box, width, height) for box in boxes]
        areas = [_widened(box) for box in clipped if box[0] < box[2] and box[1] < box[3]]
        for area in areas:
            self._draw(area)
        return areas

    def _move_pointer(self) -> list[Box]:
        """Return the areas of the pointer before and now, if they differ."""
        canvas, before, cursor = self._canvas, self._pointer, self._cursor
        if canvas.pointer is not None:
            left, top = canvas.pointer[0] - canvas.hotspot[0], canvas.pointer[1] - canvas.hotspot[1]
            height, width, _ = canvas.cursor.shape
            self._pointer = left, top, left + width, top + height
        self._cursor = canvas.cursor
        if self._pointer == before and self._cursor is cursor:
            return []
        return [before, self._pointer]

    def _draw(self, area: Box) -> None:
        left, top, right, bottom = area
        shown = self._canvas.composed(area)
        if self._canvas.pointer is not None:
            _blend(shown, self._cursor, self._pointer[0] - left, self._pointer[1] - top)
        target = self.picture[top:bottom, left:right]
        if shown.shape != target.shape:
            target[:] = 0
        target[: shown.shape[0], : shown.shape[1]] = shown


def _widened(box: Box) -> Box:
    """Return the smallest box around a box that has even coordinates."""
    left, top, right, bottom = box
    return left & ~1, top & ~1, right + 1 & ~1, bottom + 1 & ~1


def _blend(picture: Picture, cursor: Picture, x: int, y: int) -> None:
    """Draw a cursor at a place that may be partly outside."""
    cursor = cursor[max(-y, 0) :, max(-x, 0) :]
    below = picture[max(y, 0) :, max(x, 0) :][: cursor.shape[0], : cursor.shape[1]]
    cursor = cursor[: below.shape[0], : below.shape[1]].astype(np.uint16)
    alpha = cursor[..., 3:]
    below[..., :3] = (cursor[..., :3] * alpha + below[..., :3] * (255 - alpha) + 127) // 255
