"""Characters that must meet their neighbours."""

import unicodedata

import numpy as np
import pytest

from terminal.drawing import boxdrawing

SIZES = [(10, 19, 1), (7, 13, 1), (11, 22, 1), (19, 38, 2), (29, 57, 3), (1, 1, 1), (2, 3, 1)]
SIZE_ARGUMENTS = pytest.mark.parametrize(("width", "height", "line"), SIZES)
LOWER, LEFT = range(0x2581, 0x2589), range(0x258F, 0x2587, -1)
DRAWN = [
    *range(0x2500, 0x25A0),
    *range(0x2800, 0x2900),
    *range(0x23BA, 0x23BE),
    *range(0xE0B0, 0xE0C0),
    *range(0x1FB00, 0x1FB3C),
]


@SIZE_ARGUMENTS
def test_every_character_fits_and_is_seen(width: int, height: int, line: int) -> None:
    for code in DRAWN:
        assert boxdrawing.is_drawn(code)
        picture = boxdrawing.draw(code, width, height, line)
        assert picture.shape == (height, width)
        assert picture.dtype == np.uint8
        if width > 6 and code != 0x2800:
            assert picture.any(), hex(code)


@SIZE_ARGUMENTS
def test_corners_of_powerline_fill_the_cell_together(width: int, height: int, line: int) -> None:
    for one, other in ((0xE0B8, 0xE0BE), (0xE0BA, 0xE0BC)):
        first, second = (boxdrawing.draw(code, width, height, line) for code in (one, other))
        assert (np.abs(first.astype(int) + second - 255) <= 1).all()


@pytest.mark.parametrize("left", [0xE0B0, 0xE0B1, 0xE0B4, 0xE0B5, 0xE0B8, 0xE0B9, 0xE0BC, 0xE0BD])
@SIZE_ARGUMENTS
def test_powerline_has_both_directions(left: int, width: int, height: int, line: int) -> None:
    pictures = [boxdrawing.draw(code, width, height, line) for code in (left, left + 2)]
    assert (pictures[0] == pictures[1][:, ::-1]).all()


@SIZE_ARGUMENTS
def test_filled_separators_have_no_seam(width: int, height: int, line: int) -> None:
    for code in (0xE0B0, 0xE0B4):
        middle = boxdrawing.draw(code, width, height, line)[height // 2]
        assert middle[-1] > 0
        assert middle[0] >= 250 or width < 3


@SIZE_ARGUMENTS
def test_scan_lines_lie_in_order_and_join(width: int, height: int, line: int) -> None:
    pictures = [boxdrawing.draw(ord(c), width, height, line) for c in "⎺⎻─⎼⎽"]
    assert all((picture == picture[:, :1]).all() for picture in pictures)
    tops = [int(np.flatnonzero(picture[:, 0])[0]) for picture in pictures]
    assert tops == sorted(tops)
    if height >= 13:
        assert len(set(tops)) == 5
        assert (tops[0], tops[-1]) == (0, height - line)


def test_letters_are_left_to_the_font() -> None:
    assert not any(boxdrawing.is_drawn(code) for code in (0x20, 0x41, 0x24FF, 0x25A0, 0x1F600))


@SIZE_ARGUMENTS
def test_lines_meet_at_the_edges(width: int, height: int, line: int) -> None:
    """The edge of ┼ is that of ─ and │, and so for each weight: neighbours join."""
    for cross, level, upright in map(tuple, ["┼─│", "╋━┃", "╬═║", "╪═│", "╫─║", "┿━│", "╂─┃"]):
        picture = boxdrawing.draw(ord(cross), width, height, line)
        across = boxdrawing.draw(ord(level), width, height, line)
        down = boxdrawing.draw(ord(upright), width, height, line)
        if width > 6:
            assert np.array_equal(picture[:, 0], across[:, 0]), cross
            assert np.array_equal(picture[:, -1], across[:, -1]), cross
            assert np.array_equal(picture[0], down[0]), cross
            assert np.array_equal(picture[-1], down[-1]), cross
        assert (across == across[:, :1]).all()
        assert (down == down[:1]).all()


@SIZE_ARGUMENTS
def test_corners_are_parts_of_the_cross(width: int, height: int, line: int) -> None:
    if width < 7:
        return
    for corner in "┌┐└┘├┤┬┴╭╮╰╯":
        picture = boxdrawing.draw(ord(corner), width, height, line)
        level = boxdrawing.draw(ord("─"), width, height, line)
        upright = boxdrawing.draw(ord("│"), width, height, line)
        name = unicodedata.name(corner)
        for word, edge, want in [
            ("LEFT", picture[:, 0], level[:, 0]),
            ("RIGHT", picture[:, -1], level[:, -1]),
            ("UP", picture[0], upright[0]),
            ("DOWN", picture[-1], upright[-1]),
        ]:
            both = "HORIZONTAL" if word in ("LEFT", "RIGHT") else "VERTICAL"
            there = word in name.split() or both in name.split()
            assert np.array_equal(edge, want if there else np.zeros_like(want)), (corner, word)


@SIZE_ARGUMENTS
def test_blocks_complete_each_other(width: int, height: int, line: int) -> None:
    def draw(character: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return boxdrawing.draw(ord(character), width, height, line).astype(np.int64)

    if width < 2:
        return
    full = np.full((height, width), 255)
    assert np.array_equal(draw("█"), full)
    for one, other in map(tuple, ["▀▄", "▌▐", "▘▟", "▝▙", "▖▜", "▗▛", "▚▞"]):
        assert np.array_equal(draw(one) + draw(other), full), one
    assert np.array_equal(draw("🬂") + draw("🬭") + draw("🬋"), full)
    assert (draw("░") < draw("▒")).all()
    assert (draw("▒") < draw("▓")).all()


def test_eighths_grow() -> None:
    heights = [boxdrawing.draw(code, 10, 19, 1).any(axis=1).sum() for code in LOWER]
    widths = [
        boxdrawing.draw(code, 10, 19, 1).any(axis=0).sum() for code in range(0x258F, 0x2587, -1)
    ]
    assert heights == sorted(set(heights))
    assert widths == sorted(widths)
    assert (heights[-1], widths[-1]) == (19, 10)


def test_a_braille_pattern_has_its_dots() -> None:
    for dots in range(256):
        picture = boxdrawing.draw(0x2800 + dots, 20, 40, 2)
        lit = [picture[10 * row + 5, 10 * column + 5] > 0 for row in range(4) for column in (0, 1)]
        assert sum(lit) == dots.bit_count()
