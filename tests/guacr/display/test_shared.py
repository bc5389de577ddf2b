"""Pixels that another process draws: viewers see them, whatever it draws while they are read."""

from __future__ import annotations

import random

import numpy as np
import pytest

from guacr.budget import Budget
from guacr.display.display import Display
from guacr.display.encoder import Encoding
from guacr.display.geometry import Rect
from guacr.display.shared import SharedSurface
from guacr.errors import OverrunError, UnsupportedError
from guacr.protocol.instruction import encode
from guacr.testing.canvas import Canvas

EXACT = Encoding(format="png")
WIDTH, HEIGHT = 300, 200


class Screen:
    """Shared memory, and a viewer of it."""

    def __init__(self) -> None:
        self.memory = bytearray(WIDTH * HEIGHT * 4)
        self.array = np.frombuffer(self.memory, np.uint8).reshape(HEIGHT, WIDTH, 4)
        self.ahead = False
        self.surface = SharedSurface(None, lambda: self.ahead)
        self.surface.show(memoryview(self.memory), WIDTH, HEIGHT)
        self.display = Display()
        self.display.set_surface(self.surface)
        self.viewer = Canvas()

    def draw(self, rect: Rect, seed: int) -> None:
        """Draw anything, with any padding, without a report."""
        part = self.array[rect.y : rect.bottom, rect.x : rect.right]
        part[:] = np.random.default_rng(seed).integers(0, 256, part.shape, np.uint8)

    def send(self) -> None:
        """Send a frame."""
        plan = self.display.plan(0.0)
        if plan is not None:
            self.viewer.feed(plan.encode(EXACT) + encode("sync", 1, 1))

    def shows(self) -> bool:
        """Whether the viewer sees what is in the memory."""
        return bool((self.viewer.flatten() == self.array[..., 2::-1]).all())


def test_what_is_reported_is_shown() -> None:
    screen = Screen()
    screen.draw(Rect(0, 0, WIDTH, HEIGHT), 1)
    screen.send()
    assert screen.shows()
    screen.draw(Rect(10, 20, 30, 40), 2)
    screen.send()
    assert not screen.shows()
    screen.surface.touch(Rect(10, 20, 30, 40))
    screen.send()
    assert screen.shows()


def test_padding_does_not_matter() -> None:
    screen = Screen()
    screen.array[:] = (1, 2, 3, 7)
    screen.array[5, 5, 3] = 9
    plan = screen.display.plan(0.0)
    assert plan is not None
    data = plan.encode(EXACT)
    assert b"5.cfill,2.14,1.0,1.3,1.2,1.1,3.255;" in data  # one colour


def test_any_order_of_drawing_reading_and_reporting() -> None:
    """Reports come late."""
    chance = random.Random(3)
    screen = Screen()
    screen.send()
    late: list[Rect] = []
    for step in range(300):
        rect = Rect(chance.randrange(250), chance.randrange(150), 20, 20)
        screen.draw(rect, step)
        late.append(rect)
        screen.ahead = True
        if chance.random() < 0.3:
            screen.send()
        if chance.random() < 0.5:
            for reported in late:
                screen.surface.touch(reported)
            late.clear()
            screen.ahead = False
    for reported in late:
        screen.surface.touch(reported)
    screen.ahead = False
    screen.send()
    assert screen.shows()


def test_sizes_are_limited() -> None:
    surface = SharedSurface(None, lambda: False)
    for width, height in ((0, 5), (5, 0), (8193, 5), (5, 8193)):
        with pytest.raises(UnsupportedError):
            surface.show(memoryview(b""), width, height)


def test_memory_counts() -> None:
    budget = Budget(100 * 100 * 4 * 3, "session.max_memory")
    surface = SharedSurface(budget, lambda: False)
    memory = memoryview(bytearray(101 * 100 * 4))
    surface.show(memory, 100, 100)
    with pytest.raises(OverrunError):
        surface.show(memory, 101, 100)
    assert surface.size == (100, 100)
    del surface
    SharedSurface(budget, lambda: False).show(memory, 100, 100)
