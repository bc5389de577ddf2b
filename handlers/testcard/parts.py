"""The moving parts of the test card, each in its own rectangle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from itertools import cycle, islice

import numpy as np
from typing_extensions import override

from guacr.api import Array8, FrameBuffer, Rect
from handlers.lettering import Lettering
from handlers.testcard.layout import Layout, inset
from handlers.testcard.picture import GROUND, INK, MUTED, PANEL, RULE, WHITE

SCROLL_SPEED = 2.5
"""Units per second that the text scrolls."""
WINDOW_PERIODS = (7.0, 4.3)
"""Seconds that the window needs from left to right and back, and from top to bottom and back."""
WINDOW_SHARE = (0.5, 0.55)
"""The width and height of the window as shares of its lane."""
VIDEO_MAX = (640, 480)
"""Maximum width and height in pixels of the patch of noise."""
GRAIN = 28
"""The strength of the grain: the maximum that it adds to a colour."""

LISTING = (
    "def share(surface, viewers):",
    '    """One picture for all."""',
    "    while viewers:",
    "        change = surface.take()",
    "        data = encode(change)",
    "        for viewer in viewers:",
    "            viewer.send(data)",
    "",
    "# ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "# 0123456789 {}[]()<> +-*/=",
    "# sphinx of black quartz,",
    "# judge my vow",
    "",
)


class Part(ABC):
    """A moving part."""

    @abstractmethod
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        """Draw the part as it is `seconds` after the start."""


class Scroller(Part):
    """Text that scrolls upwards: visible text is moved, new text is drawn."""

    def __init__(self, layout: Layout) -> None:
        self._area = inset(layout.scroller, round(layout.unit * 0.4))
        self._speed = SCROLL_SPEED * layout.unit
        self._strip = _listing(Lettering(layout.letters(0.76)), self._area)
        self._offset: int | None = None

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        offset, height = int(seconds * self._speed), self._area.height
        rows = height if self._offset is None else min(offset - self._offset, height)
        self._offset = offset
        area = self._area
        if 0 < rows < height:
            below = Rect(area.x, area.y + rows, area.width, height - rows)
            surface.copy_rect(below, area.x, area.y)
        if rows:
            lines = np.arange(offset + height - rows, offset + height) % len(self._strip)
            surface.blit(Rect(area.x, area.bottom - rows, area.width, rows), self._strip[lines])


class Window(Part):
    """A window that is dragged around: its pixels are moved, the background is restored."""

    def __init__(self, layout: Layout, surface: FrameBuffer) -> None:
        self._lane = layout.lane
        self._ground = surface.pixels(self._lane).drawable()
        width, height = (
            round(side * share) for side, share in zip(self._lane[2:], WINDOW_SHARE, strict=True)
        )
        self._pixels = _window(layout, width, height)
        self._shown: Rect | None = None

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        height, width = self._pixels.shape[:2]
        free = self._lane.width - width, self._lane.height - height
        x, y = (
            round(room * triangle_wave(seconds / period))
            for room, period in zip(free, WINDOW_PERIODS, strict=True)
        )
        place = Rect(self._lane.x + x, self._lane.y + y, width, height)
        before, self._shown = self._shown, place
        if before is None:
            surface.blit(place, self._pixels)
        elif before != place:
            surface.copy_rect(before, place.x, place.y)
            for bare in before.minus(place):
                self._restore(surface, bare)

    def _restore(self, surface: FrameBuffer, rect: Rect) -> None:
        inside = rect.moved(-self._lane.x, -self._lane.y)
        surface.blit(rect, self._ground[inside.y : inside.bottom, inside.x : inside.right])


class Video(Part):
    """Soft colours that drift, under a grain that is different each time: as hard to compress as a
    film."""

    def __init__(self, layout: Layout) -> None:
        area = layout.video
        width, height = (min(pair) for pair in zip(area[2:], VIDEO_MAX, strict=True))
        x, y = area.x + (area.width - width) // 2, area.y + (area.height - height) // 2
        self._area = Rect(x, y, width, height)
        self._random = np.random.default_rng(1)
        self._colours = soft_colours(width * 2, height * 2)
        shape = (height * 2, width * 2, 1)
        grain = self._random.integers(0, GRAIN, shape, np.uint8)
        self._grain = np.repeat(grain, 4, axis=2)

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        width, height = self._area.width, self._area.height
        x, y = (
            round(width * triangle_wave(seconds / 11)),
            round(height * triangle_wave(seconds / 7)),
        )
        grain_x = int(self._random.integers(0, width + 1))
        grain_y = int(self._random.integers(0, height + 1))
        colours = self._colours[y : y + height, x : x + width]
        grain = self._grain[grain_y : grain_y + height, grain_x : grain_x + width]
        surface.blit(self._area, colours + grain)


class Clock(Part):
    """The time of day, and the number of pictures drawn."""

    def __init__(self, layout: Layout, frame_rate: int) -> None:
        self._letters = Lettering(layout.letters(0.9))
        place = layout.clock
        y = place.y + (place.height - self._letters.height) // 2
        self._area = Rect(place.x, y, place.width, self._letters.height)
        self._tail = f"{frame_rate}/s  {layout.width}x{layout.height}"
        self._frames = 0

    @override
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        self._frames += 1
        time = datetime.now().astimezone()
        text = f"{time:%H:%M:%S}.{time.microsecond // 10000:02}  {self._frames:06}  {self._tail}"
        shown = text.rjust(self._letters.columns(self._area.width))
        surface.blit(self._area, self._letters.line(shown, self._area.width, INK, GROUND))


def triangle_wave(turns: float) -> float:
    """Return a value that goes from 0 to 1 and back in one turn, at a constant speed."""
    return 1 - abs(1 - 2 * (turns % 1))


def _listing(letters: Lettering, area: Rect) -> Array8:
    """Return the scrolling text on a strip that is at least as high as its area."""
    lines = max(len(LISTING), -(-area.height // letters.height))
    return np.concatenate(
        [
            letters.line(f"{number:3} {text}", area.width, INK if text else MUTED, PANEL)
            for number, text in enumerate(islice(cycle(LISTING), lines), 1)
        ]
    )


def _window(layout: Layout, width: int, height: int) -> Array8:
    """Return a window with a title and a line of text, as pixels."""
    canvas = FrameBuffer(max(1, width), max(1, height))
    whole = Rect(0, 0, width, height)
    letters = Lettering(layout.letters(0.7))
    margin = max(1, letters.height // 4)
    bar = Rect(0, 0, width, letters.height + 2 * margin)
    canvas.fill(whole, RULE)
    canvas.fill(inset(whole, 1), (236, 239, 244))
    canvas.fill(bar, (52, 101, 164))
    line = Rect(2 * margin, margin, max(0, width - 4 * margin), letters.height)
    canvas.blit(line, letters.line("window", line.width, WHITE, (52, 101, 164)))
    text = line.moved(0, bar.height + margin)
    canvas.blit(text, letters.line("moved as a copy", text.width, (20, 24, 32), (236, 239, 244)))
    return canvas.array[:height, :width]


def soft_colours(width: int, height: int) -> Array8:
    """Return slow waves in each colour; `GRAIN` may be added without overflow."""
    y = np.linspace(0, 3 * np.pi, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 3 * np.pi, width, dtype=np.float32)[None, :]
    waves = [np.sin(x + y * 0.6), np.sin(y - x * 0.4 + 2), np.sin(x * 0.7 + y + 4), x * y * 0]
    top = (255 - GRAIN) / 2
    return np.stack([(top + top * wave).astype(np.uint8) for wave in waves], axis=2)
