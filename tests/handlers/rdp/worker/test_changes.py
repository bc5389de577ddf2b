"""When what a server has drawn is reported."""

from __future__ import annotations

from handlers.rdp.channel.messages import RECTS_MAX
from handlers.rdp.worker.changes import KEEP, KEEP_MAX, LARGE, PATIENCE, Changes, Rect

SIDE = 128
SOON, LATE, VERY_LATE = KEEP / 2, KEEP * 2, KEEP_MAX * 1.1


def drawn(*rects: Rect) -> Changes:
    """Changes from the time 0 on."""
    changes = Changes()
    for number, rect in enumerate(rects, 1):
        changes.add([rect], number, 0.0)
    return changes


def tiles(rows: int) -> list[Rect]:
    """The parts of a picture, from top to bottom."""
    return [(x * SIDE, y * SIDE, SIDE, SIDE) for y in range(rows) for x in range(3)]


def test_rectangles_are_returned_once() -> None:
    changes = drawn((1, 2, 3, 4), (5, 6, 7, 8))
    assert changes
    assert changes.number == 2
    assert changes.take() == [(1, 2, 3, 4), (5, 6, 7, 8)]
    assert not changes
    assert changes.take() == []
    assert not changes.is_overdue(VERY_LATE)


def test_what_a_key_changes_is_reported_at_once() -> None:
    assert drawn((0, 0, LARGE - 1, 1)).patience == 0


def test_more_of_a_large_picture_is_awaited() -> None:
    changes = drawn((0, 0, 128, 64), (0, 64, 128, 64))
    assert changes.patience == PATIENCE
    changes.take()
    assert changes.patience == 0


def test_parts_of_one_picture_are_kept_together() -> None:
    changes = drawn(*tiles(3))
    assert not changes.is_overdue(LATE)
    assert changes.is_overdue(VERY_LATE)


def test_a_second_picture_makes_the_first_one_overdue() -> None:
    changes = drawn(*tiles(3), *tiles(1))
    assert not changes.is_overdue(SOON)
    assert changes.is_overdue(LATE)
    changes.take()
    changes.add(tiles(1), 20, 1.0)
    assert not changes.is_overdue(1.0 + LATE)


def test_pictures_with_marks_are_not_kept() -> None:
    changes = drawn(*tiles(3))
    changes.has_frames = True
    assert changes.patience == 0
    assert changes.is_overdue(LATE)


def test_too_many_rectangles_become_one() -> None:
    exactly = [(x, x, 1, 2) for x in range(RECTS_MAX)]
    assert drawn(*exactly).take() == exactly
    assert drawn(*exactly, (7, 7, 1, 1)).take() == [(0, 0, RECTS_MAX, RECTS_MAX + 1)]
