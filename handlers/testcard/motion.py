"""Pictures that move as a whole, to see and to measure the cost."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from typing_extensions import override

from guacr.api import Array8, FrameBuffer, Rect
from handlers.testcard.parts import GRAIN, Part, soft_colours, triangle_wave

SCROLL_SPEED = 120
"""Pixels per second that the picture scrolls."""
DRIFT = 256
"""Maximum pixels that the photo drifts in either direction."""
GRAINS = 64
"""Maximum random shift of grain and noise in pixels, in either direction."""


class Scroll(Part):
    """The whole card scrolls up; what leaves at the top returns at the bottom."""

    pictures: ClassVar[int] = 1
    """The approximate number of pictures in memory, each as large as the card."""

    def __init__(self, surface: FrameBuffer) -> None:
        self._picture = surface.array.copy()
        self._offset = 0

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        height, width = self._picture.shape[:2]
        before, self._offset = self._offset, int(seconds * SCROLL_SPEED)
        rows = min(self._offset - before, height)
        if rows <= 0:
            return
        if rows < height:
            surface.copy_rect(Rect(0, rows, width, height - rows), 0, 0)
        lines = np.arange(self._offset + height - rows, self._offset + height) % height
        surface.blit(Rect(0, height - rows, width, rows), self._picture[lines])


class Photo(Part):
    """Soft colours with a grain, which drift over the whole card: every pixel changes."""

    pictures: ClassVar[int] = 3

    def __init__(self, surface: FrameBuffer) -> None:
        width, height = surface.size
        self._random = np.random.default_rng(1)
        self._picture = soft_colours(width + DRIFT, height + DRIFT)
        grain = self._random.integers(0, GRAIN // 4, (height + GRAINS, width + GRAINS, 1), np.uint8)
        self._grain = np.repeat(grain, 4, axis=2)
        self._picture[..., 3] = self._grain[..., 3] = 0

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        width, height = surface.size
        x, y = round(DRIFT * triangle_wave(seconds / 3)), round(DRIFT * triangle_wave(seconds / 5))
        left, top = (int(shift) for shift in self._random.integers(0, GRAINS, 2))
        picture = self._picture[y : y + height, x : x + width]
        grain = self._grain[top : top + height, left : left + width]
        np.add(picture, grain, out=surface.array)
        surface.touch(Rect(0, 0, width, height))


class Noise(Part):
    """Random colours, different each time: nothing is harder to compress."""

    pictures: ClassVar[int] = 1

    def __init__(self, surface: FrameBuffer) -> None:
        width, height = surface.size
        self._random = np.random.default_rng(1)
        shape = (height + GRAINS, width + GRAINS, 4)
        self._picture: Array8 = self._random.integers(0, 256, shape, np.uint8)
        self._turned = False
        """True if the picture is upside down, so that it is not a move of the previous one."""

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        width, height = surface.size
        x, y = (int(shift) for shift in self._random.integers(0, GRAINS, 2))
        self._turned = not self._turned
        picture = self._picture[::-1] if self._turned else self._picture
        surface.blit(Rect(0, 0, width, height), picture[y : y + height, x : x + width])


MOTIONS: dict[str, type[Scroll | Photo | Noise]] = {
    "scroll": Scroll,
    "photo": Photo,
    "noise": Noise,
}
"""The motions by the value of the parameter `motion`."""
