"""Images on a terminal's picture: pixel by pixel, and the damage that they make."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from guacr.display.geometry import Rect
from guacr.display.pixels import IndexedPixels
from guacr.display.surface import Copy, Damage
from terminal.drawing.atlas import GlyphAtlas, atlas_for
from terminal.drawing.images import (
    BELOW_BACKGROUNDS,
    MAX_COVER,
    MAX_RECTS,
    Picture,
    changed,
    joined,
    pictures,
)
from terminal.drawing.surface import TerminalSurface
from terminal.engines.contents import PlacedImage
from terminal.engines.ghostty.emulator import GhosttyEmulator
from tests.terminal.drawing.test_surface import apply, picture, whole
from tests.terminal.engine import COLOURS, start
from tests.terminal.kitty_graphics import Rgba, command, noise

COLUMNS, ROWS = 24, 10
PIXELS = 16
RED, GREEN = (255, 0, 0, 255), (0, 255, 0, 255)


@pytest.fixture
def atlas() -> GlyphAtlas:
    return atlas_for("monospace", PIXELS)


@pytest.fixture
def cell(atlas: GlyphAtlas) -> tuple[int, int]:
    return atlas.metrics.width, atlas.metrics.height


@pytest.fixture
def emulator(cell: tuple[int, int]) -> Iterator[GhosttyEmulator]:
    emulator = start(COLUMNS, ROWS, cell_width=cell[0], cell_height=cell[1])
    emulator.show_cursor(False)
    yield emulator
    emulator.close()


@pytest.fixture
def surface(emulator: GhosttyEmulator, atlas: GlyphAtlas) -> TerminalSurface:
    return TerminalSurface(emulator, atlas)


def shown(surface: TerminalSurface) -> NDArray[np.uint8]:
    surface.take_damage()
    return whole(surface)


def plain(width: int, height: int, colour: tuple[int, int, int, int]) -> Rgba:
    return np.full((height, width, 4), colour, np.uint8)


def transmit(pixels: Rgba, keys: str, at: str = "1;1") -> bytes:
    """Show an image at a row and column, without moving the cursor."""
    height, width = pixels.shape[:2]
    data = command(f"a=T,q=2,C=1,s={width},v={height},{keys}", pixels.tobytes())
    return f"\x1b7\x1b[{at}H".encode() + data + b"\x1b8"


def laid(base: NDArray[np.uint8], pixels: Rgba, x: int, y: int) -> NDArray[np.uint8]:
    """The slow way: an image over a picture, pixel by pixel as far as they are on it."""
    result = base.astype(float)
    for row, line in enumerate(pixels.tolist()):
        for column, (*colour, alpha) in enumerate(line):
            if 0 <= y + row < len(result) and 0 <= x + column < result.shape[1]:
                below = result[y + row, x + column]
                result[y + row, x + column] = below + (np.array(colour) - below) * alpha / 255
    return result


def close(one: NDArray[np.uint8], other: NDArray[np.uint8], most: int = 2) -> bool:
    return int(np.abs(one.astype(int) - other.astype(int)).max()) <= most


# ---- pixels


@pytest.mark.parametrize("alpha", [255, 0, 128, None])
def test_an_image_above_text(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int], alpha: int | None
) -> None:
    emulator.feed(b"some \x1b[41mtext\x1b[m\r\n" * 8)
    before = shown(surface)
    pixels = noise(50, 33, alpha=alpha)
    emulator.feed(transmit(pixels, "X=3,Y=4", at="2;3"))
    after = shown(surface)
    assert close(after, laid(before, pixels, 2 * cell[0] + 3, cell[1] + 4))
    assert alpha == 0 or not close(after, before)


def test_an_image_is_clipped_at_the_edges(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    pixels = noise(200, 100)
    emulator.feed(transmit(pixels, "i=1", at="9;20"))
    before = shown(surface) * 0 + np.array(COLOURS.background, np.uint8)
    assert close(whole(surface), laid(before, pixels, 19 * cell[0], 8 * cell[1]))
    emulator.feed(b"\x1b[10;1H" + b"\n" * 8 + transmit(pixels, "i=2", at="10;24"))
    emulator.feed(b"\n")
    expected = laid(laid(before, pixels, 19 * cell[0], -cell[1]), pixels, 23 * cell[0], 8 * cell[1])
    assert close(shown(surface), expected)


@pytest.mark.parametrize(("columns", "rows"), [(8, 3), (2, 1), (30, 12)])
@pytest.mark.parametrize("alpha", [255, None])
def test_an_image_is_scaled_to_cells(
    emulator: GhosttyEmulator,
    surface: TerminalSurface,
    cell: tuple[int, int],
    columns: int,
    rows: int,
    alpha: int | None,
) -> None:
    pixels = noise(60, 45, alpha=alpha)
    emulator.feed(transmit(pixels, f"c={columns},r={rows}", at="2;3"))
    size = columns * cell[0], rows * cell[1]
    scaled = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
    before = shown(surface) * 0 + np.array(COLOURS.background, np.uint8)
    assert close(whole(surface), laid(before, scaled, 2 * cell[0], cell[1]), most=3)


def test_a_part_of_an_image(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    pixels = noise(60, 45)
    emulator.feed(transmit(pixels, "x=10,y=20,w=30,h=15"))
    before = shown(surface) * 0 + np.array(COLOURS.background, np.uint8)
    assert close(whole(surface), laid(before, pixels[20:35, 10:40], 0, 0))


def test_a_part_beside_others_takes_nothing_of_them(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    pixels = plain(20, 20, GREEN)
    pixels[:, 10:] = RED
    emulator.feed(transmit(pixels, "x=0,y=0,w=10,h=20,c=20,r=8"))
    area = shown(surface)[: 8 * cell[1], : 20 * cell[0]]
    assert (area == GREEN[:3]).all()


def test_higher_images_are_above_lower_ones(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed(transmit(plain(20, 20, RED), "i=2,z=5") + transmit(plain(9, 9, GREEN), "i=1,z=6"))
    assert shown(surface)[0, 0].tolist() == [0, 255, 0]
    emulator.feed(transmit(plain(20, 20, RED), "i=3,z=6"))
    assert shown(surface)[0, 0].tolist() == [255, 0, 0]


def blocks(surface: TerminalSurface, cell: tuple[int, int], count: int) -> list[list[int] | None]:
    """The colours of the first cells of the first row; None where one has several."""
    row = shown(surface)[: cell[1], : count * cell[0]]
    cells = row.reshape(cell[1], count, cell[0], 3).transpose(1, 0, 2, 3).reshape(count, -1, 3)
    return [one[0].tolist() if (one == one[0]).all() else None for one in cells]


def test_images_below_text_and_below_backgrounds(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    # a blank, a whole block in green, a blank on white, a whole block in green on white
    emulator.feed(" \x1b[38;2;0;255;0m█\x1b[48;2;255;255;255m █\x1b[m".encode())
    red, green, white = [255, 0, 0], [0, 255, 0], [255, 255, 255]
    own = list(COLOURS.background)
    assert blocks(surface, cell, 4) == [own, green, white, green]
    image = plain(4 * cell[0], cell[1], RED)
    emulator.feed(transmit(image, "i=1,z=0"))
    assert blocks(surface, cell, 4) == [red] * 4
    emulator.feed(transmit(image, "i=1,z=-1"))
    assert blocks(surface, cell, 4) == [red, green, red, green]
    emulator.feed(transmit(image, f"i=1,z={BELOW_BACKGROUNDS}"))
    assert blocks(surface, cell, 4) == [red, green, red, green]
    emulator.feed(transmit(image, f"i=1,z={BELOW_BACKGROUNDS - 1}"))
    assert blocks(surface, cell, 4) == [red, green, white, green]
    image[..., 3] = 0
    emulator.feed(transmit(image, "i=1,z=-1"))
    assert blocks(surface, cell, 4) == [own, green, white, green]


def test_letters_on_an_image_are_as_they_are_on_its_colour(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    text = "\x1b[4;58;2;0;9;200mAg\x1b[m \U0001f600 j".encode()
    emulator.feed(b"\x1b[48;2;255;0;0m" + text.replace(b"\x1b[m", b"\x1b[24m"))
    expected = shown(surface)
    emulator.feed(b"\x1b[m\r\x1b[K" + text)
    emulator.feed(transmit(plain(8 * cell[0], cell[1], RED), "z=-1"))
    width = 7 * cell[0]
    assert close(shown(surface)[: cell[1], :width], expected[: cell[1], :width])


def test_a_cursor_is_above_an_image_below_the_text(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    emulator.show_cursor(True)
    emulator.feed(transmit(plain(4 * cell[0], cell[1], RED), "z=-1") + b"\x1b[1;2H")
    assert blocks(surface, cell, 3) == [[255, 0, 0], list(COLOURS.foreground), [255, 0, 0]]
    emulator.feed(b"\x1b[6 q")
    assert blocks(surface, cell, 3) == [[255, 0, 0], None, [255, 0, 0]]


def test_rectangles_are_parts_of_the_whole(
    emulator: GhosttyEmulator, surface: TerminalSurface
) -> None:
    emulator.feed("some text \x1b[41m日本\x1b[m\r\n".encode() * 8)
    emulator.feed(transmit(noise(70, 70, alpha=None), "z=-1,c=19,r=7", at="2;2"))
    emulator.feed(transmit(noise(70, 70, 1, alpha=None), "z=1", at="4;8"))
    all_of_it = shown(surface)
    source = random.Random(1)
    for _ in range(100):
        x, y = source.randrange(surface.size[0]), source.randrange(surface.size[1])
        width = source.randint(1, surface.size[0] - x)
        height = source.randint(1, surface.size[1] - y)
        part = picture(surface.pixels(Rect(x, y, width, height)))
        assert close(part, all_of_it[y : y + height, x : x + width], most=0)


def test_without_images_pixels_stay_indexed(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    emulator.feed(transmit(plain(20, 20, RED), "i=1"))
    surface.take_damage()
    below = Rect(0, 5 * cell[1], surface.size[0], cell[1])
    assert isinstance(surface.pixels(below), IndexedPixels)
    emulator.feed(b"\x1b[2J")
    surface.take_damage()
    assert isinstance(surface.pixels(Rect(0, 0, *surface.size)), IndexedPixels)


# ---- damage


def test_an_image_damages_what_it_covers(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    surface.take_damage()
    emulator.feed(transmit(plain(20, 20, RED), "i=1,p=1", at="2;3"))
    area = Rect(2 * cell[0], cell[1], 20, 20)
    assert surface.take_damage() == Damage(rects=[area])
    emulator.feed(b"\x1b[8;1H")
    assert not surface.take_damage()
    emulator.feed(command("a=d,d=i,i=1"))
    assert surface.take_damage() == Damage(rects=[area])


def test_an_image_that_scrolls_is_copied(
    emulator: GhosttyEmulator, surface: TerminalSurface, cell: tuple[int, int]
) -> None:
    emulator.feed(b"\r\n".join(b"row %d" % row for row in range(ROWS)))
    emulator.feed(transmit(noise(40, 40), "i=1", at="5;10"))
    surface.take_damage()
    emulator.feed(b"\r\nlast")
    damage = surface.take_damage()
    assert damage.copies
    assert sum(rect.area for rect in damage.rects) < 3 * surface.size[0] * cell[1]
    assert all(rect.y >= (ROWS - 2) * cell[1] for rect in damage.rects)


STEPS = (
    b"text and \x1b[42mmore of it\x1b[m",
    b"\r\n",
    b"\n\n\n",
    b"\x1b[H",
    b"\x1b[5;7H",
    b"\x1b[2J",
    b"\x1b[2;8r\x1b[8;1H\n\n\x1b[r",
    b"\x1b[3;9r\x1b[3;1H\x1bM\x1bM\x1b[r",
    b"\x1b[4S",
    b"\x1b[3T",
    b"\x1b[2L",
    b"\x1b[3M",
    b"\x1b[3J",
    b"\x1b[?1049h",
    b"\x1b[?1049l",
    command("a=d"),
    command("a=d,d=i,i=1"),
    command("a=p,i=2,p=1,q=2,C=1"),
    command("a=p,i=2,p=1,q=2,c=9,r=4,z=-1,C=1"),
    command("a=p,i=1,q=2"),
    *(b"%c. row\r\n" % (65 + row) for row in range(20)),
)


@pytest.mark.parametrize("seed", range(8))
def test_damage_leads_to_the_whole_picture(
    emulator: GhosttyEmulator, surface: TerminalSurface, seed: int
) -> None:
    source = random.Random(seed)
    emulator.show_cursor(True)
    seen = np.zeros((0, 0, 3), np.uint8)
    pictured = 0
    for step in range(250):
        for _ in range(source.choice([1, 1, 2, 6])):
            emulator.feed(source.choice(STEPS))
        if source.random() < 0.2:
            pixels = noise(source.randint(1, 120), source.randint(1, 90), step, alpha=None)
            at = f"{source.randint(1, ROWS)};{source.randint(1, COLUMNS)}"
            z = source.choice([0, 5, -1, BELOW_BACKGROUNDS - 1])
            emulator.feed(transmit(pixels, f"i={source.randint(1, 3)},z={z}", at))
        if source.random() < 0.2:
            emulator.scroll_by(source.randint(-5, 5))
        seen = apply(surface, surface.take_damage(), seen)
        assert (seen == whole(surface)).all()
        pictured += bool(emulator.images())
    assert pictured > 50


def placed(row: int, number: int = 1, *, opaque: bool = False, **values: int) -> PlacedImage:
    values = {"column": 0, "x": 0, "y": 0, "width": 30, "height": 30, "z": 0, **values}
    pixels = np.zeros((30, 30, 4), np.uint8)
    source = Rect(0, 0, 30, 30)
    return PlacedImage(
        row=row, source=source, generation=number, opaque=opaque, pixels=pixels, **values
    )


WINDOW = Rect(0, 0, 100, 200)


def on(*images: PlacedImage) -> list[Picture]:
    return pictures(images, (10, 20), WINDOW)


def test_pictures_are_those_in_the_window() -> None:
    found = on(placed(-2), placed(-1), placed(0, column=10), placed(9, column=9, x=9), placed(10))
    assert [picture.area for picture in found] == [Rect(0, -20, 30, 30), Rect(99, 180, 30, 30)]


def test_pictures_cover_the_window_a_few_times_at_most() -> None:
    full = [placed(0, number, width=100, height=200) for number in range(20)]
    assert [picture.generation for picture in on(*full)] == list(range(20 - MAX_COVER, 20))
    assert len(on(*[placed(0, number) for number in range(20)])) == 20


def test_pictures_below_an_opaque_one_are_left_out() -> None:
    low, other, high = placed(1, 1), placed(1, 2, column=1), placed(1, 3, opaque=True)
    assert [picture.generation for picture in on(low, other, high)] == [2, 3]
    assert [picture.generation for picture in on(high, low)] == [3, 1]
    below_the_edge = placed(9, 4, height=90)
    assert len(on(below_the_edge, placed(9, 5, opaque=True))) == 1


def test_pictures_that_moved_with_their_rows_change_nothing_else() -> None:
    copies = [Copy(Rect(0, 40, 100, 160), 0, 0)]
    assert changed(on(placed(5)), on(placed(3)), copies, WINDOW) == []
    assert changed(on(placed(5)), on(placed(5)), copies, WINDOW) == [
        Rect(0, 60, 30, 30),
        Rect(0, 100, 30, 30),
    ]
    assert changed(on(placed(9)), on(placed(7)), copies, WINDOW) == [
        Rect(0, 180, 30, 20),
        Rect(0, 160, 30, 10),
    ]


def test_two_of_the_same_picture_are_more_than_one() -> None:
    assert changed(on(placed(1)), on(placed(1), placed(1)), [], WINDOW) == [Rect(0, 20, 30, 30)]
    assert changed(on(placed(1), placed(1)), on(placed(1), placed(1)), [], WINDOW) == []


def test_joined_rectangles_do_not_overlap() -> None:
    rects = [Rect(0, 0, 10, 10), Rect(20, 0, 10, 10)]
    assert joined(rects, []) == rects
    assert joined(rects, [Rect(5, 5, 20, 2), Rect(21, 1, 3, 3)]) == [*rects, Rect(10, 5, 10, 2)]


def test_too_many_rectangles_become_one() -> None:
    rects = [Rect(100, 0, 10, 10)]
    many = [Rect(0, 10 * number, 5, 5) for number in range(MAX_RECTS + 1)]
    assert len(joined(rects, many[1:])) == MAX_RECTS + 1
    assert joined(rects, many) == [Rect(0, 0, 110, 10 * MAX_RECTS + 5)]
