"""Pointer events are those of MS-RDPBCGR 2.2.8.1.1.3.1.1.3 and 2.2.8.1.1.3.1.1.4."""

from __future__ import annotations

import pytest

from handlers.rdp.channel.messages import Mouse
from handlers.rdp.pointer import Pointer


@pytest.mark.parametrize(
    ("mask", "flags", "extended"),
    [(1, 0x1000, False), (2, 0x4000, False), (4, 0x2000, False), (128, 1, True), (256, 2, True)],
)
def test_buttons(mask: int, flags: int, extended: bool) -> None:
    sent: list[Mouse] = []
    pointer = Pointer(sent.append)
    pointer.move(3, 4, mask)
    pointer.move(3, 4, 0)
    assert sent == [
        Mouse(False, 0x0800, 3, 4),
        Mouse(extended, flags | 0x8000, 3, 4),
        Mouse(extended, flags, 3, 4),
    ]


@pytest.mark.parametrize(("mask", "flags"), [(8, 0x0278), (16, 0x0388), (64, 0x0478), (32, 0x0588)])
def test_wheels_turn_by_one_step(mask: int, flags: int) -> None:
    sent: list[Mouse] = []
    pointer = Pointer(sent.append)
    pointer.move(0, 0, mask)
    pointer.move(0, 0, 0)
    assert sent == [Mouse(False, 0x0800, 0, 0), Mouse(False, flags, 0, 0)]


def test_what_is_held_is_released() -> None:
    sent: list[Mouse] = []
    pointer = Pointer(sent.append)
    pointer.release()
    assert not sent
    pointer.move(5, 6, 5)
    del sent[:]
    pointer.release()
    pointer.release()
    assert sent == [Mouse(False, 0x1000, 5, 6), Mouse(False, 0x2000, 5, 6)]
