"""The parts of the test card that move. Each keeps to a rectangle of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from itertools import cycle, islice

import numpy as np

from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.pixels import Array8
from handlers.testcard.layout import Layout, inset
from handlers.testcard.lettering import Lettering
from handlers.testcard.picture import GROUND, INK, MUTED, PANEL, RULE, WHITE

SCROLL_SPEED = 2.5
"""Units that the text scrolls in a second."""
WINDOW_PERIODS = (7.0, 4.3)
"""Seconds that the window takes from left to right and back, and from top to bottom."""
WINDOW_SHARE = (0.5, 0.55)
"""Width and height of the window as shares of its lane."""
VIDEO_MAX = (640, 480)
"""Pixels of the patch of noise in either direction at most."""
GRAIN = 28
"""Strength of the grain: the most that it adds to a colour."""

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
    """Something that moves."""

    @abstractmethod
    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        """Draw it as it is `seconds` after the start."""


class Scroller(Part):
    """Text that scrolls upwards: what stays in sight is moved, what comes is drawn."""

    def __init__(self, layout: Layout) -> None:
        self._area = inset(layout.scroller, round(layout.unit * 0.4))
        self._speed = SCROLL_SPEED * layout.unit
        self._strip = _listing(Lettering(layout.letters(0.76)), self._area)
        self._offset: int | None = None

    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        """Scroll by the pixels that have passed."""
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
    """A window that is dragged about: its pixels are moved, the ground behind is restored."""

    def __init__(self, layout: Layout, surface: FrameBuffer) -> None:
        self._lane = layout.lane
        self._ground = surface.pixels(self._lane).array.copy()
        width, height = (
            round(side * share) for side, share in zip(self._lane[2:], WINDOW_SHARE, strict=True)
        )
        self._pixels = _window(layout, width, height)
        self._shown: Rect | None = None

    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        """Move it to where it belongs."""
        height, width = self._pixels.shape[:2]
        free = self._lane.width - width, self._lane.height - height
        x, y = (
            round(room * _to_and_fro(seconds / period))
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
    """Soft colours that drift, under a grain that is another one each time: as hard to
    compress as a film."""

    def __init__(self, layout: Layout) -> None:
        area = layout.video
        width, height = (min(pair) for pair in zip(area[2:], VIDEO_MAX, strict=True))
        x, y = area.x + (area.width - width) // 2, area.y + (area.height - height) // 2
        self._area = Rect(x, y, width, height)
        self._random = np.random.default_rng(1)
        self._colours = _soft_colours(width * 2, height * 2)
        shape = (height * 2, width * 2, 1)
        grain = self._random.integers(0, GRAIN, shape, np.uint8)
        self._grain = np.repeat(grain, 4, axis=2)

    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        """The next picture of the film."""
        width, height = self._area.width, self._area.height
        x, y = round(width * _to_and_fro(seconds / 11)), round(height * _to_and_fro(seconds / 7))
        grain_x = int(self._random.integers(0, width + 1))
        grain_y = int(self._random.integers(0, height + 1))
        colours = self._colours[y : y + height, x : x + width]
        grain = self._grain[grain_y : grain_y + height, grain_x : grain_x + width]
        surface.blit(self._area, colours + grain)


class Clock(Part):
    """The time of day, and how many pictures have been drawn."""

    def __init__(self, layout: Layout, frame_rate: int) -> None:
        self._letters = Lettering(layout.letters(0.9))
        place = layout.clock
        y = place.y + (place.height - self._letters.height) // 2
        self._area = Rect(place.x, y, place.width, self._letters.height)
        self._tail = f"{frame_rate}/s  {layout.width}x{layout.height}"
        self._frames = 0

    def draw(self, surface: FrameBuffer, seconds: float) -> None:
        """Count, and look at the clock."""
        self._frames += 1
        time = datetime.now().astimezone()
        text = f"{time:%H:%M:%S}.{time.microsecond // 10000:02}  {self._frames:06}  {self._tail}"
        shown = text.rjust(self._letters.columns(self._area.width))
        surface.blit(self._area, self._letters.line(shown, self._area.width, INK, GROUND))


def _to_and_fro(turns: float) -> float:
    """From 0 to 1 and back in one turn, at the same speed all the way."""
    return 1 - abs(1 - 2 * (turns % 1))


def _listing(letters: Lettering, area: Rect) -> Array8:
    """The text that scrolls, on one strip that is at least as high as its window."""
    lines = max(len(LISTING), -(-area.height // letters.height))
    return np.concatenate(
        [
            letters.line(f"{number:3} {text}", area.width, INK if text else MUTED, PANEL)
            for number, text in enumerate(islice(cycle(LISTING), lines), 1)
        ]
    )


def _window(layout: Layout, width: int, height: int) -> Array8:
    """A window with a title and a line of text, as pixels."""
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


def _soft_colours(width: int, height: int) -> Array8:
    """Slow waves in each colour; `GRAIN` may be added without overflow."""
    y = np.linspace(0, 3 * np.pi, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 3 * np.pi, width, dtype=np.float32)[None, :]
    waves = [np.sin(x + y * 0.6), np.sin(y - x * 0.4 + 2), np.sin(x * 0.7 + y + 4), x * y * 0]
    top = (255 - GRAIN) / 2
    return np.stack([(top + top * wave).astype(np.uint8) for wave in waves], axis=2)
