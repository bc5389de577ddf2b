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
    assert damaged((0, 0, 5, 5), (1, 1, 5, 5), (7, 7, 9, 9)) == [(0, 0, 5, 5), (7, 7, 9, 9)]
    assert damaged((1, 1, 5, 5), (7, 7, 9, 9), (0, 0, 6, 6)) == [(7, 7, 9, 9), (0, 0, 6, 6)]


def test_empty_boxes_are_nothing() -> None:
    assert damaged((3, 3, 3, 9), (3, 3, 9, 2)) == []


def test_many_boxes_become_one() -> None:
    boxes = [(at, 2 * at, at + 1, 2 * at + 1) for at in range(BOXES_MAX + 1)]
    assert damaged(*boxes[:-1]) == boxes[:-1]
    assert damaged(*boxes) == [(0, 0, BOXES_MAX + 1, 2 * BOXES_MAX + 1)]
