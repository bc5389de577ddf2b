"""Scrolled rows and new rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terminal.drawing.changes import Block, Move, find_blocks, find_moves
from terminal.drawing.renderer import DrawnCells


def screen(*rows: str) -> DrawnCells:
    return np.array([[ord(character) for character in row] for row in rows], np.uint64)


def moves(old: DrawnCells, new: DrawnCells) -> list[Move]:
    return find_moves(old, new, list(range(len(old))))


def blocks(old: DrawnCells, new: DrawnCells) -> list[Block]:
    return find_blocks(old, new, list(range(len(old))))


def test_scrolling_up_is_one_move() -> None:
    old = screen("ab", "cd", "ef", "gh", "ij")
    assert moves(old, screen("cd", "ef", "gh", "ij", "kl")) == [Move(1, 0, 4)]
    assert moves(old, screen("zz", "zy", "ab", "cd", "ef")) == [Move(0, 2, 3)]


def test_still_rows_around_a_scrolled_region_stay() -> None:
    old = screen("top ", "ab  ", "cd  ", "ef  ", "gh  ", "end ")
    new = screen("top ", "cd  ", "ef  ", "gh  ", "new ", "end ")
    assert moves(old, new) == [Move(2, 1, 3)]


def test_equal_rows_are_no_scroll() -> None:
    assert moves(screen("ab", "ab", "ab", "ab"), screen("ab", "ab", "ab", "cd")) == []
    assert moves(screen("  ", "  ", "  ", "  "), screen("ab", "cd", "ef", "gh")) == []


def test_one_row_that_moved_is_no_scroll() -> None:
    assert moves(screen("ab", "cd", "ef", "gh"), screen("cd", "x1", "y2", "z3")) == []


def test_nothing_differs_nowhere() -> None:
    same = screen("abc", "def")
    assert blocks(same, same.copy()) == []


def test_near_changes_are_one_block_and_far_ones_two() -> None:
    old = screen(" " * 60, " " * 60, " " * 60)
    new = old.copy()
    new[1, [3, 12]] = 1
    assert blocks(old, new) == [Block(1, 3, 2, 13)]
    new[1, 50] = 1
    assert sorted(blocks(old, new)) == [Block(1, 3, 2, 13), Block(1, 50, 2, 51)]


def test_whole_rows_are_one_block() -> None:
    old = np.zeros((40, 80), np.uint64)
    assert blocks(old, old + np.uint64(1)) == [Block(0, 0, 40, 80)]


def test_blocks_do_not_overlap() -> None:
    blank = " " * 60
    old = screen(blank, blank, blank, blank)
    new = screen("x" + blank[1:], blank, "y" * 60, "x" + blank[1:])
    assert blocks(old, new) == [Block(0, 0, 4, 60)]


@pytest.mark.parametrize("distance", [-3, -1, 1, 4])
def test_a_scroll_by_any_distance(distance: int) -> None:
    old = np.random.default_rng(1).integers(0, 9, (12, 30)).astype(np.uint64)
    new = np.roll(old, -distance, axis=0)
    found = moves(old, new)
    assert sum(move.rows for move in found) == 12 - abs(distance)
    assert {move.source - move.target for move in found} == {distance}


cells = st.binary(min_size=400, max_size=400).map(
    lambda data: np.frombuffer(data, np.uint8).reshape(10, 40).astype(np.uint64) % 3
)


@settings(max_examples=150)
@given(cells, cells, st.integers(-9, 9), st.integers(0, 10))
def test_moves_and_blocks_make_the_new_screen(
    old: DrawnCells, other: DrawnCells, distance: int, kept: int
) -> None:
    new = np.roll(old, distance, axis=0)
    new[kept:] = other[kept:]
    shown = old.copy()
    for source, target, rows in moves(old, new):
        shown[target : target + rows] = shown[source : source + rows].copy()
    covered = np.zeros(new.shape, int)
    for block in blocks(shown, new):
        area = np.s_[block.top : block.bottom, block.left : block.right]
        covered[area] += 1
        shown[area] = new[area]
    assert np.array_equal(shown, new)
    assert covered.max(initial=0) <= 1
