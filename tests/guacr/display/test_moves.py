"""Moves that nobody reports, found by comparing pictures."""

from __future__ import annotations

import numpy as np
import pytest

from guacr.display.geometry import Rect
from guacr.display.moves import PAUSE_MAX, MoveSearch, Words, find_move

WIDTH, HEIGHT = 640, 480
RANDOM = np.random.default_rng(3)


def desk() -> Words:
    """Something like text: short runs of two colours on a flat ground."""
    picture = np.full((HEIGHT, WIDTH), 0x202020, np.uint32)
    inked = RANDOM.random((HEIGHT, WIDTH)) < 0.2
    inked[:, ::40] = inked[::16] = False
    picture[inked] = 0xE0E0E0
    return picture


def noise(height: int, width: int) -> Words:
    return RANDOM.integers(0, 1 << 24, (height, width)).astype(np.uint32)


def copied(before: Words, after: Words) -> tuple[Rect, int, int, float]:
    """Return the target of a copy, its distance, and the share of its pixels that become right."""
    copy = find_move(before, after)
    assert copy is not None
    x, y, width, height = copy.source
    target = after[copy.y : copy.y + height, copy.x : copy.x + width]
    right = float((before[y : y + height, x : x + width] == target).mean())
    return Rect(copy.x, copy.y, width, height), copy.x - x, copy.y - y, right


@pytest.mark.parametrize("rows", [1, 3, 17, 100, -1, -41])
def test_a_picture_that_scrolls_up_or_down(rows: int) -> None:
    before = desk()
    after = np.roll(before, rows, axis=0)
    fresh = noise(abs(rows), WIDTH)
    if rows > 0:
        after[:rows] = fresh
    else:
        after[rows:] = fresh
    target, dx, dy, right = copied(before, after)
    assert (dx, dy) == (0, rows)
    assert target.area > 0.75 * (HEIGHT - abs(rows)) * WIDTH
    assert right == 1


@pytest.mark.parametrize("columns", [1, 51, -7])
def test_a_picture_that_scrolls_sideways(columns: int) -> None:
    before = desk()
    after = np.roll(before, columns, axis=1)
    _, dx, dy, right = copied(before, after)
    assert (dx, dy) == (columns, 0)
    assert right > 0.98


def test_a_region_that_scrolls_within_a_picture_that_rests() -> None:
    before = desk()
    after = before.copy()
    after[100:400, 200:600] = before[123:423, 200:600]
    target, dx, dy, _ = copied(before, after)
    assert (dx, dy) == (0, -23)
    assert Rect(190, 90, 420, 320).intersection(target) == target


def test_a_window_that_is_dragged() -> None:
    before = desk()
    after = before.copy()
    after[50:250, 60:360] = 0x0000FF
    after[133:333, 181:481] = before[50:250, 60:360]
    target, dx, dy, right = copied(before, after)
    assert (dx, dy) == (121, 83)
    assert target.area > 0.7 * 200 * 300
    assert right > 0.9


def test_where_nothing_has_moved_there_is_no_copy() -> None:
    before = desk()
    assert find_move(before, before) is None
    assert find_move(before, noise(HEIGHT, WIDTH)) is None
    assert find_move(noise(HEIGHT, WIDTH), np.zeros((HEIGHT, WIDTH), np.uint32)) is None
    flat = np.full((HEIGHT, WIDTH), 7, np.uint32)
    assert find_move(flat, flat + 1) is None
    striped = np.tile(np.array([1, 2], np.uint32), (HEIGHT, WIDTH // 2))
    assert find_move(striped, np.roll(striped, 1, axis=1)) is None


def test_a_small_picture_is_not_searched() -> None:
    before = noise(100, 100)
    assert find_move(before, np.roll(before, 5, axis=0)) is None


def test_a_search_pauses_longer_and_longer_where_there_is_nothing() -> None:
    search = MoveSearch()
    looked = []
    for frame in range(200):
        if search.next_is_due():
            looked.append(frame)
            assert search.find(desk(), noise(HEIGHT, WIDTH)) is None
    assert looked[:6] == [0, 2, 6, 14, 30, 62]
    assert looked[-1] - looked[-2] == PAUSE_MAX + 1


def test_a_search_goes_on_where_there_are_moves() -> None:
    search, before = MoveSearch(), desk()
    for frame in range(5):
        assert search.next_is_due(), frame
        after = np.roll(before, -3, axis=0)
        assert search.find(before, after) is not None
        before = after


def test_lines_of_text_that_scroll_are_seen_whatever_their_height() -> None:
    for line in (12, 13, 16, 17, 32):
        before = desk()
        before[np.arange(HEIGHT) % line < line // 4] = 0x202020  # between the lines
        after = np.roll(before, -line, axis=0)
        assert MoveSearch().find(before, after) is not None, line


def test_where_little_has_changed_nobody_searches() -> None:
    search, before = MoveSearch(), desk()
    after = before.copy()
    after[:16, :16] = noise(16, 16)
    for _ in range(5):
        assert search.next_is_due()
        assert search.find(before, after) is None
