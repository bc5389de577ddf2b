"""Boxes that have changed."""

from __future__ import annotations

from guacr.testing.damage import BOXES_MAX, Damage


def damaged(*boxes: tuple[int, int, int, int]) -> list[tuple[int, int, int, int]]:
    damage = Damage()
    for box in boxes:
        damage.add(box)
    taken = damage.take()
    assert damage.take() == []
    return taken


def test_boxes_that_others_contain_are_dropped() -> None:
    assert damaged((0, 0, 500, 500), (1, 1, 5, 5)) == [(0, 0, 500, 500)]
    assert damaged((1, 1, 5, 5), (7, 7, 9, 9), (0, 0, 600, 600)) == [(0, 0, 600, 600)]


def test_boxes_nearby_become_one() -> None:
    assert damaged((0, 0, 10, 10), (12, 3, 20, 13)) == [(0, 0, 20, 13)]
    far = [(0, 0, 10, 10), (990, 990, 999, 999)]
    assert damaged(*far) == far
    assert damaged(*far, (980, 985, 985, 999)) == [(0, 0, 10, 10), (980, 985, 999, 999)]


def test_empty_boxes_are_nothing() -> None:
    assert damaged((3, 3, 3, 9), (3, 3, 9, 2)) == []


def test_many_boxes_become_one() -> None:
    boxes = [(999 * at, 999 * at, 999 * at + 1, 999 * at + 1) for at in range(BOXES_MAX + 1)]
    assert damaged(*boxes[:-1]) == boxes[:-1]
    assert damaged(*boxes) == [(0, 0, 999 * BOXES_MAX + 1, 999 * BOXES_MAX + 1)]
