"""The terminal's surface: its pixels against a slow renderer, its damage against its pixels."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.display.pixels import BgrxPixels, IndexedPixels, Pixels
from guacr.display.surface import Damage
from terminal.drawing import atlas as atlas_module
from terminal.drawing.atlas import GlyphAtlas, GlyphSheet, Variant, atlas_for
from terminal.drawing.decorations import Decoration, Shape
from terminal.drawing.fonts import Face
from terminal.drawing.surface import TerminalSurface
from terminal.engines.contents import (
    CLUSTER_BASE,
    DEFAULT_COLOUR,
    DIRECT_COLOUR,
    Attributes,
    Colours,
    CursorShape,
    Rgb,
    Style,
    Underline,
    Width,
)
from terminal.engines.ghostty.emulator import GhosttyEmulator
from tests.terminal.engine import COLOURS, start

Picture = NDArray[np.uint8]
"""(height, width, 3): red, green and blue."""

PIXELS = 16
CURSORS = {
    CursorShape.BAR: Shape.BAR,
    CursorShape.UNDERLINE: Shape.UNDERLINE,
    CursorShape.HOLLOW: Shape.HOLLOW,
}


@pytest.fixture
def atlas() -> GlyphAtlas:
    return atlas_for("monospace", PIXELS)


@pytest.fixture
def emulator() -> Iterator[GhosttyEmulator]:
    emulator = start(32, 8)
    yield emulator
    emulator.close()


@pytest.fixture
def surface(emulator: GhosttyEmulator, atlas: GlyphAtlas) -> TerminalSurface:
    return TerminalSurface(emulator, atlas)


def picture(pixels: Pixels) -> Picture:
    if isinstance(pixels, IndexedPixels):
        return pixels.palette[pixels.indices]
    return pixels.drawable()[..., 2::-1]


def whole(surface: TerminalSurface) -> Picture:
    return picture(surface.pixels(Rect(0, 0, *surface.size)))


def pieced(surface: TerminalSurface) -> Picture:
    """The whole picture, out of its parts."""
    width, height = surface.size
    shown = np.zeros((height, width, 3), np.uint8)
    times = np.zeros((height, width), np.intp)
    for rect in surface.parts():
        shown[rect.y : rect.bottom, rect.x : rect.right] = picture(surface.pixels(rect))
        times[rect.y : rect.bottom, rect.x : rect.right] += 1
    assert (times == 1).all()
    return shown


def apply(surface: TerminalSurface, damage: Damage, shown: Picture) -> Picture:
    """Return a viewer's picture after the damage."""
    width, height = surface.size
    if shown.shape != (height, width, 3):
        assert damage == Damage(rects=[Rect(0, 0, width, height)])
        shown = np.zeros((height, width, 3), np.uint8)
    for copy in damage.copies:
        x, y, w, h = copy.source
        shown[copy.y : copy.y + h, copy.x : copy.x + w] = shown[y : y + h, x : x + w].copy()
    for number, rect in enumerate(damage.rects):
        assert all(rect.intersection(other) is None for other in damage.rects[:number])
        shown[rect.y : rect.bottom, rect.x : rect.right] = picture(surface.pixels(rect))
    return shown


# The slow renderer: cell by cell, from the same tiles, and nothing else of what is tested.


def colour(number: int, default: Rgb, colours: Colours) -> Rgb:
    if number == DEFAULT_COLOUR:
        return default
    if number >= DIRECT_COLOUR:
        return (number >> 16) & 255, (number >> 8) & 255, number & 255
    return tuple(colours.palette[number * 3 : number * 3 + 3])  # type: ignore[return-value]


def pair(style: Style, colours: Colours) -> tuple[Rgb, Rgb]:
    attributes = style.attributes
    number = style.foreground
    if Attributes.BOLD in attributes and number in range(8):
        number += 8
    front = colour(number, colours.foreground, colours)
    back = colour(style.background, colours.background, colours)
    if Attributes.FAINT in attributes:
        front = tuple((a + b) // 2 for a, b in zip(front, back, strict=True))  # type: ignore[assignment]
    if Attributes.INVERSE in attributes:
        front, back = back, front
    return (back, back) if Attributes.INVISIBLE in attributes else (front, back)


def mix(front: Rgb, back: Rgb, levels: Picture) -> Picture:
    table = [
        [(b * (15 - level) + f * level + 7) // 15 for f, b in zip(front, back, strict=True)]
        for level in range(16)
    ]
    return np.array(table, np.uint8)[levels]


def tile(sheet: GlyphSheet, code: int, variant: Variant) -> tuple[Picture, Picture | None]:
    """Levels, and the glyph's own colours if it has any, of one cell."""
    codes, variants = np.array([code], np.uint32), np.array([variant.pack()], np.uint16)
    glyph = int(sheet.glyphs(codes, variants)[0])
    shape = (sheet.metrics.height, sheet.metrics.width)
    own = sheet.coloured.get(glyph)
    levels = sheet.tiles[glyph].reshape(shape) & 15
    return levels, None if own is None else own.reshape(*shape, 4)


def slow(emulator: GhosttyEmulator, sheet: GlyphSheet) -> Picture:
    update = emulator.update(full=True)
    colours, metrics = update.colours, sheet.metrics
    cells = np.zeros((emulator.rows, emulator.columns, metrics.height, metrics.width, 3), np.uint8)
    cursor = update.cursor
    on = {(cursor.row, cursor.column)} if cursor.visible else set()
    wide = cursor.visible and update.widths[cursor.row, cursor.column] == Width.WIDE
    if wide and cursor.shape is not CursorShape.BAR:
        on.add((cursor.row, cursor.column + 1))
    for row in range(emulator.rows):
        for column in range(emulator.columns):
            width = update.widths[row, column]
            code = int(update.codes[row, column - (width == Width.SPACER)])
            if code >= CLUSTER_BASE:
                code = sheet.cluster_code(update.cluster_table[code - CLUSTER_BASE])
            style = update.style_table[update.styles[row, column]]
            half = {Width.WIDE: 1, Width.SPACER: 2}.get(Width(width), 0)
            shape = cursor.shape if (row, column) in on else None
            cells[row, column] = slow_cell(sheet, code, style, half, colours, shape)
    return (
        cells.transpose(0, 2, 1, 3, 4)
        .reshape(emulator.rows * metrics.height, emulator.columns * metrics.width, 3)
        .copy()
    )


def slow_cell(
    sheet: GlyphSheet,
    code: int,
    style: Style,
    half: int,
    colours: Colours,
    cursor: CursorShape | None,
) -> Picture:
    front, back = pair(style, colours)
    ink = colours.cursor or front
    if ink == back:
        ink = (0, 0, 0) if sum(back) > 381 else (255, 255, 255)
    visible = Attributes.INVISIBLE not in style.attributes
    own_line = bool(style.underline) and style.underline_colour != DEFAULT_COLOUR and visible
    face = Face.REGULAR
    face |= Face.BOLD if Attributes.BOLD in style.attributes else 0
    face |= Face.ITALIC if Attributes.ITALIC in style.attributes else 0
    decoration = Decoration(
        Underline.NONE if own_line else style.underline,
        Attributes.STRIKE in style.attributes,
        Attributes.OVERLINE in style.attributes,
    )
    levels, own = tile(sheet, code, Variant(Face(face), decoration, half))
    line_back = back
    if cursor is CursorShape.BLOCK:
        front, back = back, ink
    drawn = mix(front, back, levels)
    if own is not None:
        alpha = own[..., 3:].astype(int)
        drawn = ((own[..., :3] * alpha + drawn * (255 - alpha) + 127) // 255).astype(np.uint8)
    over, over_front, over_back = None, ink, back
    if cursor in CURSORS:
        over = Decoration(shape=CURSORS[cursor])
    elif own_line and cursor is None:
        over = Decoration(style.underline)
        over_front = colour(style.underline_colour, pair(style, colours)[0], colours)
        over_back = line_back
    if over is not None:
        above, _ = tile(sheet, 0, Variant(decoration=over))
        drawn = np.where(above[..., None] > 0, mix(over_front, over_back, above), drawn)
    return drawn


TEXTS = [
    "plain text",
    "漢字かな",
    "\U0001f600\U0001f680",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "❤\ufe0f",
    "e\u0301o\u0308",
    "┌─┬╮█▒⣿\ue0b0",
    "    ",
    "x",
]
MOVES = [
    "\r\n",
    "\x1b[2J",
    "\x1b[K",
    "\x1b[3L",
    "\x1b[2M",
    "\x1b[4@",
    "\x1b[3P",
    "\x1b[2;6r",
    "\x1b[r",
    "\x1b[3S",
    "\x1b[2T",
    "\x1bM",
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[?5h",
    "\x1b[?5l",
    "\x1b[?25l",
    "\x1b[?25h",
    "\x1b[3 q",
    "\x1b[6 q",
    "\x1b[2 q",
    "\x1b]11;#102030\x07",
    "\x1b]111\x07",
    "\x1b]12;#ff8000\x07",
    "\x1b]112\x07",
    "\x1b]4;2;#a0b0c0\x07",
    "\x1b[5b",
]
STYLES = ["", "1", "2", "3", "4", "4:3", "7", "8", "9", "53", "21", "4:4;58:2::9:200:3", "31", "92"]


def something(source: random.Random) -> bytes:
    """A piece of what a host may send."""
    pick = source.random()
    if pick < 0.45:
        text = source.choice(TEXTS)
    elif pick < 0.6:
        text = f"\x1b[{source.randint(1, 9)};{source.randint(1, 33)}H"
    elif pick < 0.75:
        text = f"\x1b[{source.choice(STYLES)}m"
    elif pick < 0.85:
        kind = source.choice(["38", "48"])
        text = f"\x1b[{kind};5;{source.randint(0, 255)}m"
    else:
        text = source.choice(MOVES)
    return text.encode()


def disturb(source: random.Random, emulator: GhosttyEmulator) -> None:
    """Something that the person at the terminal may do."""
    pick = source.random()
    if pick < 0.3:
        emulator.resize(source.randint(1, 40), source.randint(1, 10), 10, 19)
    elif pick < 0.8:
        emulator.scroll_by(source.randint(-6, 6))
    elif pick < 0.9:
        emulator.trim()
        emulator.pack()
    else:
        red = source.randint(0, 255)
        emulator.set_colours(Colours((red, 9, 9), (9, 9, red), None, COLOURS.palette))


@pytest.mark.parametrize("seed", range(12))
def test_damage_and_pixels_agree_with_a_slow_renderer(atlas: GlyphAtlas, seed: int) -> None:
    source = random.Random(seed)
    emulator = start(32, 8, scrollback_rows=50)
    surface = TerminalSurface(emulator, atlas)
    shown = np.zeros((0, 0, 3), np.uint8)
    for step in range(60):
        for _ in range(source.choice([1, 2, 30])):
            emulator.feed(something(source))
        if source.random() < 0.2:
            disturb(source, emulator)
        if source.random() < 0.2:
            surface.trim()
        shown = apply(surface, surface.take_damage(), shown)
        assert not surface.changed
        assert np.array_equal(shown, whole(surface)), f"seed {seed}, step {step}"
        assert np.array_equal(shown, pieced(surface)), f"seed {seed}, step {step}"
        if step % 6 == 0:
            assert np.array_equal(shown, slow(emulator, atlas.sheet)), f"seed {seed}, step {step}"
    emulator.close()


def test_at_rest_the_picture_is_there_and_its_memory_is_not(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    tracemalloc.start()
    try:
        for number in range(100):
            emulator.feed(b"%c" % (0x21 + number % 90))
            for rect in surface.take_damage().rects:
                surface.pixels(rect)
        before, in_use = whole(surface), tracemalloc.get_traced_memory()[0]
        surface.trim()
        given_up = in_use - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert given_up > 30_000
    assert np.array_equal(whole(surface), before)
    surface.trim()
    surface.trim()
    assert surface.take_damage() == Damage()
    surface.trim()
    assert np.array_equal(pieced(surface), before)


def test_any_rectangle_is_that_part_of_the_whole(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed("".join(TEXTS).encode() * 3)
    surface.take_damage()
    full, source = whole(surface), random.Random(3)
    width, height = surface.size
    for _ in range(60):
        x, y = source.randrange(width), source.randrange(height)
        rect = Rect(x, y, source.randint(1, width - x), source.randint(1, height - y))
        part = picture(surface.pixels(rect))
        assert np.array_equal(part, full[rect.y : rect.bottom, rect.x : rect.right])


@pytest.mark.parametrize(
    ("output", "parts"),
    [
        (b"", [(1, False), (7, True)]),
        (b"one\r\ntwo\r\n", [(3, False), (5, True)]),
        (b"\x1b[?25l", [(8, True)]),
        (b"\x1b[?25l\x1b[44m\x1b[2J", [(8, True)]),
        (b"\x1b[8;32Hx\x1b[H", [(8, False)]),
        (b"\x1b[8;1H" + b"\x1b[4m \x1b[m" * 32, [(8, False)]),
    ],
)
def test_blank_rows_at_the_bottom_are_a_part_of_one_colour(
    emulator: GhosttyEmulator,
    surface: TerminalSurface,
    output: bytes,
    parts: list[tuple[int, bool]],
) -> None:
    emulator.feed(output)
    surface.take_damage()
    found = [(rect, surface.pixels(rect).solid()) for rect in surface.parts()]
    assert [(rect.height // 19, colour is not None) for rect, colour in found] == parts


@pytest.mark.parametrize("colours", [3, 16, 17, 40, 255])
def test_few_colours_are_indexed(
    emulator: GhosttyEmulator, surface: TerminalSurface, atlas: GlyphAtlas, colours: int
) -> None:
    for number in range(colours):
        emulator.feed(b"\x1b[48;5;%dm " % number)
    surface.take_damage()
    pixels = surface.pixels(Rect(0, 0, *surface.size))
    assert isinstance(pixels, IndexedPixels)
    assert len(pixels.palette) <= 256
    assert np.array_equal(picture(pixels), slow(emulator, atlas.sheet))


def test_many_colours_are_not(
    emulator: GhosttyEmulator, surface: TerminalSurface, atlas: GlyphAtlas
) -> None:
    for number in range(200):
        emulator.feed(b"\x1b[38;2;%d;%d;9m#" % (number, 255 - number))
    surface.take_damage()
    pixels = surface.pixels(Rect(0, 0, *surface.size))
    assert isinstance(pixels, BgrxPixels)
    assert np.array_equal(picture(pixels), slow(emulator, atlas.sheet))


def test_text_with_an_emoji_is_still_indexed(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed("\x1b[31mred \U0001f680 and \U0001f600".encode())
    surface.take_damage()
    assert isinstance(surface.pixels(Rect(0, 0, *surface.size)), IndexedPixels)


def test_a_background_is_one_index(emulator: GhosttyEmulator, surface: TerminalSurface) -> None:
    emulator.feed(b"\x1b[?25l" + b"".join(b"\x1b[%dmtext " % (31 + n % 6) for n in range(9)))
    surface.take_damage()
    pixels = surface.pixels(Rect(0, 0, *surface.size))
    assert isinstance(pixels, IndexedPixels)
    background = (pixels.palette[pixels.indices] == COLOURS.background).all(axis=2)
    assert len(np.unique(pixels.indices[background])) == 1


def test_a_key_damages_a_few_cells(emulator: GhosttyEmulator, surface: TerminalSurface) -> None:
    emulator.feed(b"$ ")
    changed = [surface.changed]
    surface.take_damage()
    changed.append(surface.changed)
    emulator.feed(b"x")
    changed.append(surface.changed)
    assert changed == [True, False, True]
    assert surface.take_damage() == Damage(rects=[Rect(20, 0, 20, 19)])
    assert surface.take_damage() == Damage()


def test_two_ends_of_a_row_are_two_rectangles(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(b"\x1b[?25l")
    surface.take_damage()
    emulator.feed(b"\x1b[4;1Ha\x1b[4;32Hz")
    assert surface.take_damage().rects == [Rect(0, 57, 10, 19), Rect(310, 57, 10, 19)]


def test_a_new_line_at_the_bottom_is_a_copy(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(b"\x1b[?25l" + b"\r\n".join(b"line %d" % number for number in range(8)))
    surface.take_damage()
    emulator.feed(b"\r\nlast one")
    damage = surface.take_damage()
    assert [(copy.source, copy.x, copy.y) for copy in damage.copies] == [
        (Rect(0, 19, 320, 7 * 19), 0, 0)
    ]
    assert damage.rects == [Rect(10, 7 * 19, 70, 19)], "both rows begin with the same letter"


def test_a_scrolled_region_is_a_copy_downwards(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(b"\x1b[?25l" + b"\r\n".join(b"line %d" % number for number in range(8)))
    surface.take_damage()
    emulator.feed(b"\x1b[2;7r\x1b[2H\x1bM\x1bM")
    damage = surface.take_damage()
    assert [(copy.source, copy.y) for copy in damage.copies] == [(Rect(0, 19, 320, 76), 57)]
    assert damage.rects == [Rect(0, 19, 60, 38)]


def test_a_changed_screen_is_one_rectangle(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(b"\x1b[?25l\x1b[H" + b"abcdefgh" * 32)
    surface.take_damage()
    emulator.feed(b"\x1b[H" + b"ijklmnop" * 32)
    assert surface.take_damage() == Damage(rects=[Rect(0, 0, 320, 152)])


def test_a_changed_palette_damages_what_uses_it(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(b"plain \x1b[32mgreen\x1b[m\x1b[?25l")
    surface.take_damage()
    emulator.feed(b"\x1b]4;2;#00ff80\x07")
    assert surface.take_damage() == Damage(rects=[Rect(60, 0, 50, 19)])


def test_the_cursor_is_seen_on_hidden_text(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(b"\x1b[8mxx\x1b[H")
    surface.take_damage()
    shown = whole(surface)
    assert not np.array_equal(shown[:19, :10], shown[:19, 10:20])


def test_a_bar_stands_once_before_a_wide_character(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed("漢\x1b[H\x1b[?25l".encode())
    surface.take_damage()
    plain = whole(surface)
    emulator.feed(b"\x1b[6 q\x1b[?25h")
    surface.take_damage()
    changed = np.flatnonzero((whole(surface) != plain).any(axis=(0, 2)))
    assert changed.tolist() == [0, 1]


def test_another_font_is_another_size(emulator: GhosttyEmulator, surface: TerminalSurface) -> None:
    surface.take_damage()
    surface.atlas = atlas_for("monospace", 24)
    assert surface.changed
    assert surface.take_damage() == Damage(rects=[Rect(0, 0, 32 * 14, 8 * 29)])
    assert whole(surface).shape == (232, 448, 3)


def test_a_full_sheet_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    atlas = atlas_for("monospace", 11)
    monkeypatch.setattr(atlas_module, "MAX_GLYPHS", 100)
    atlas.renew(atlas.sheet)
    first = atlas.sheet
    emulator, other = start(32, 8), start(32, 8)
    surface, neighbour = TerminalSurface(emulator, atlas), TerminalSurface(other, atlas)
    other.feed(b"neighbour")
    neighbour.take_damage()
    before = whole(neighbour)
    for page in range(4):
        text = "".join(chr(0x100 + page * 80 + number) for number in range(80))
        emulator.feed(b"\x1b[H" + text.encode())
        surface.take_damage()
        assert np.array_equal(whole(surface), slow(emulator, atlas.sheet))
    assert atlas.sheet is not first
    assert np.array_equal(whole(neighbour), before)
    assert neighbour.take_damage() == Damage(rects=[Rect(0, 0, *neighbour.size)])
    assert np.array_equal(whole(neighbour), before)
    emulator.close()
    other.close()


def test_a_screen_of_more_glyphs_than_a_sheet_holds_shows_boxes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    atlas = atlas_for("monospace", 9)
    monkeypatch.setattr(atlas_module, "MAX_GLYPHS", 40)
    atlas.renew(atlas.sheet)
    emulator = start(32, 8)
    surface = TerminalSurface(emulator, atlas)
    emulator.feed("".join(chr(0x100 + number) for number in range(200)).encode())
    surface.take_damage()
    sheet = atlas.sheet
    assert sheet.full
    emulator.feed(b"x")
    surface.take_damage()
    assert atlas.sheet is sheet, "it would be renewed with each frame"
    assert whole(surface).any()
    emulator.close()
