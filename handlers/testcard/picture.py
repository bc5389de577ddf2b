"""The still part of the test card: bars, gradients, lines, circles and text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from guacr.api import Array8, FrameBuffer, Rect
from handlers.lettering import Colour, Lettering
from handlers.testcard.layout import COLUMNS, ROWS, Layout, inset
from handlers.testcard.params import TestcardParams

GROUND: Colour = (30, 34, 42)
GRID: Colour = (58, 65, 78)
PANEL: Colour = (15, 17, 22)
RULE: Colour = (92, 102, 120)
INK: Colour = (226, 230, 238)
MUTED: Colour = (150, 160, 178)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

BARS: tuple[Colour, ...] = (
    (255, 255, 255),
    (255, 255, 0),
    (0, 255, 255),
    (0, 255, 0),
    (255, 0, 255),
    (255, 0, 0),
    (0, 0, 255),
    (0, 0, 0),
)
BAR_LEVEL = 0.75
"""The level of the lower half of the bars, relative to full strength, as in broadcast bars."""
GREYS = 16
"""The steps of the grey wedge."""
RAMPS = ((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))
PITCHES = (1, 2, 3, 4)
"""The widths in pixels of lines, and of the gaps between them."""
RINGS = (1.0, 0.75, 0.5, 0.25)

SAMPLE = (
    "The quick brown fox jumps over the lazy dog",
    "Il1| O0o B8 S5 Z2 rn m {}[]() ;:,. '\"`",
    "Jackdaws love my big sphinx of quartz",
    "Waltz, bad nymph: 0123456789",
)
SIZES = (0.56, 0.7, 0.82, 1.0)
"""Heights of letters in units: 9, 11, 13 and 16 pixels in a picture of 1024x768."""


def paint(surface: FrameBuffer, layout: Layout, params: TestcardParams) -> None:
    """Paint all still parts on an empty surface."""
    _ground(surface, layout)
    text = Lettering(layout.letters(1.0))
    surface.blit(*_label(layout.title, "guacr test card", text, INK))
    panels = [(layout.scroller, "scrolling text"), (layout.input, "keys and pointer")]
    if params.colour_bars:
        _bars(surface, layout.bars)
        _ramps(surface, layout.ramps)
    if params.geometry:
        _gratings(surface, layout.gratings)
        _zone_plate(surface, layout.zone_plate)
        panels += [(layout.gratings, "lines, 1 to 4 px"), (layout.zone_plate, "zone plate")]
    if params.still_text:
        panels.append((layout.still, "still text"))
        _still_text(surface, layout)
    panels += [(layout.lane, "moving window"), (layout.video, "video")]
    captions = Lettering(layout.letters(0.7))
    for panel, caption in panels:
        _frame(surface, panel)
        surface.blit(*_label(layout.caption(panel), caption, captions, MUTED))
    for panel in (layout.scroller, layout.input, layout.lane, layout.video):
        surface.fill(panel, PANEL)
    if params.geometry:
        _circles(surface, layout.lane)


def _label(place: Rect, text: str, letters: Lettering, ink: Colour) -> tuple[Rect, Array8]:
    """Return a line of text, centred vertically in a place, as arguments of `blit`."""
    y = place.y + (place.height - letters.height) // 2
    pixels = letters.line(text, place.width, ink, GROUND)
    return Rect(place.x, y, place.width, letters.height), pixels


def _frame(surface: FrameBuffer, panel: Rect) -> None:
    """Draw a line of one pixel around a panel."""
    for side in inset(panel, -1).minus(panel):
        surface.fill(side, RULE)


def _ground(surface: FrameBuffer, layout: Layout) -> None:
    """Draw a grid of single pixels, and an edge that shows whether any of it is cut off."""
    surface.fill(layout.whole, GROUND)
    for column in range(2, COLUMNS, 2):
        surface.fill(Rect(column * layout.width // COLUMNS, 0, 1, layout.height), GRID)
    for row in range(2, ROWS, 2):
        surface.fill(Rect(0, row * layout.height // ROWS, layout.width, 1), GRID)
    for column in range(COLUMNS):
        colour = BLACK if column % 2 else WHITE
        surface.fill(layout.area(column, 0, column + 1, 0.75), colour)
        surface.fill(layout.area(column, ROWS - 0.75, column + 1, ROWS), colour)
    for row in range(ROWS):
        colour = BLACK if row % 2 else WHITE
        surface.fill(layout.area(0, row, 0.75, row + 1), colour)
        surface.fill(layout.area(COLUMNS - 0.75, row, COLUMNS, row + 1), colour)
    for side in layout.whole.minus(inset(layout.whole, 1)):
        surface.fill(side, (255, 0, 0))


def _bars(surface: FrameBuffer, area: Rect) -> None:
    """Draw eight colours at full strength, then at three quarters, then grey steps."""
    half, three_quarters = round(area.height * 0.45), round(area.height * 0.8)
    for number, colour in enumerate(BARS):
        column = _share(area, number, len(BARS))
        surface.fill(column, colour)
        weaker = Rect(column.x, area.y + half, column.width, three_quarters - half)
        red, green, blue = (round(part * BAR_LEVEL) for part in colour)
        surface.fill(weaker, (red, green, blue))
    for number in range(GREYS):
        column = _share(area, number, GREYS)
        grey = round(255 * number / (GREYS - 1))
        wedge = Rect(column.x, area.y + three_quarters, column.width, area.height - three_quarters)
        surface.fill(wedge, (grey, grey, grey))


def _share(area: Rect, number: int, count: int) -> Rect:
    """Return the `number`th of `count` columns of an area."""
    left, right = area.width * number // count, area.width * (number + 1) // count
    return Rect(area.x + left, area.y, right - left, area.height)


def _ramps(surface: FrameBuffer, area: Rect) -> None:
    """Draw gradients from black to grey, red, green and blue."""
    levels = np.linspace(0, 255, area.width).round().astype(np.uint8)
    for number, (red, green, blue) in enumerate(RAMPS):
        top, bottom = (area.height * n // len(RAMPS) for n in (number, number + 1))
        row = np.stack([levels * blue, levels * green, levels * red, levels * 0], axis=1)
        pixels = np.broadcast_to(row.astype(np.uint8), (bottom - top, area.width, 4))
        surface.blit(Rect(area.x, area.y + top, area.width, bottom - top), pixels)


def _gratings(surface: FrameBuffer, area: Rect) -> None:
    """Draw vertical, horizontal and crossed lines of each pitch, side by side."""
    y, x = np.mgrid[: area.height, : area.width]
    band = np.minimum(y * len(PITCHES) // max(1, area.height), len(PITCHES) - 1)
    pitch = np.array(PITCHES)[band]
    third = np.minimum(x * 3 // max(1, area.width), 2)
    upright, level = x // pitch % 2, y // pitch % 2
    on = np.choose(third, [upright, level, upright ^ level])
    surface.blit(area, _grey(on * np.uint8(255)))


def _zone_plate(surface: FrameBuffer, area: Rect) -> None:
    """Draw a cosine of the squared radius: at the farther edges, a period is two pixels."""
    y, x = _from_middle(area)
    radius = max(1.0, max(area.width, area.height) / 2)
    wave = np.cos((x**2 + y**2) * np.float32(np.pi / 2 / radius))
    surface.blit(area, _grey((127.5 + 127.5 * wave).astype(np.uint8)))


def _circles(surface: FrameBuffer, area: Rect) -> None:
    """Draw thin circles and two diagonals: round and straight if pixels are square."""
    y, x = _from_middle(area)
    outer = max(1.0, min(area.width, area.height) / 2 - 2)
    distance = np.hypot(x, y)
    light = np.clip(1 - np.abs(np.abs(x) - np.abs(y)) / np.float32(2**0.5), 0, 1) * np.float32(0.5)
    for share in RINGS:
        light = np.maximum(light, np.clip(1 - np.abs(distance - outer * share), 0, 1))
    paper, ink = np.array(PANEL[::-1], np.float32), np.array(MUTED[::-1], np.float32)
    pixels = np.zeros((area.height, area.width, 4), np.uint8)
    pixels[..., :3] = paper + (ink - paper) * light[..., None]
    surface.blit(area, pixels)


def _still_text(surface: FrameBuffer, layout: Layout) -> None:
    """Draw the same lines in four sizes, light on dark and dark on light."""
    area = layout.still
    middle = area.height // 2
    for top, ink, paper in ((0, INK, PANEL), (middle, BLACK, WHITE)):
        half = Rect(area.x, area.y + top, area.width, area.height // 2)
        surface.fill(half, paper)
        _lines(surface, layout, half, (ink, paper))


def _lines(
    surface: FrameBuffer, layout: Layout, area: Rect, colours: tuple[Colour, Colour]
) -> None:
    margin = round(layout.unit * 0.4)
    y = area.y + margin
    for number, units in enumerate(SIZES):
        letters = Lettering(layout.letters(units))
        if y + letters.height > area.bottom:
            return
        width = max(0, area.width - 2 * margin)
        pixels = letters.line(SAMPLE[number], width, *colours)
        surface.blit(Rect(area.x + margin, y, width, letters.height), pixels)
        y += letters.height + margin // 2


def _from_middle(area: Rect) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the distances of each pixel's centre from the middle: a column of y, a row of x."""
    y = np.arange(area.height, dtype=np.float32) - (area.height - 1) / 2
    x = np.arange(area.width, dtype=np.float32) - (area.width - 1) / 2
    return y[:, None], x[None, :]


def _grey(levels: NDArray[np.generic]) -> Array8:
    return np.repeat(levels.astype(np.uint8)[..., None], 4, axis=2)
