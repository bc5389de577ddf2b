"""Pictures that are drawn in parts, against the same ones drawn as a whole."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from guacr.recording.screen import Screen
from guacr.testing import damage
from guacr.testing.canvas import Canvas
from guacr.testing.wire import write

WIDTH, HEIGHT = 60, 44


def rectangle(chance: Random, layer: int) -> bytes:
    """A rectangle anywhere, in any colour; it may be translucent, or erase."""
    place = chance.randrange(-5, 60), chance.randrange(-5, 45)
    size = chance.randrange(1, 20), chance.randrange(1, 20)
    colour = *(chance.randrange(256) for _ in range(3)), chance.choice([255, 255, 100, 0])
    mask = chance.choice([0xE, 0xE, 0xE, 0x2, 0xC])
    return write("rect", layer, *place, *size) + write("cfill", mask, layer, *colour)


def copy(chance: Random, layer: int) -> bytes:
    opcode, function, least = chance.choice(
        [("copy", 14, -9), ("transfer", 10, 0), ("transfer", 3, -9)]
    )
    source = [chance.randrange(20) for _ in range(4)]
    target = [chance.randrange(least, 50) for _ in range(2)]
    return write(opcode, 0, *source, function, layer, *target)


def step(chance: Random, canvas: Canvas) -> bytes:
    """Anything that changes the picture."""
    layers = [layer for layer in canvas.layers if layer >= 0]
    layer, other = chance.choice(layers), chance.randrange(1, 4)
    parent = chance.choice([layer for layer in layers if layer < other])
    size = write("size", other, chance.randrange(1, 30), chance.randrange(1, 30))
    place = [chance.randrange(-9, 40) for _ in range(2)]
    cursor = write("size", -1, 7, 5) + rectangle(chance, -1) + write("cursor", 2, 1, -1, 0, 0, 7, 5)
    steps = [
        rectangle(chance, layer),
        copy(chance, layer),
        size,
        size + write("move", other, parent, *place, chance.randrange(3)),
        size + write("shade", other, chance.choice([0, 128, 255])),
        size + write("dispose", other),
        write("size", 0, chance.randrange(30, 64), chance.randrange(30, 46)),
        write("mouse", chance.randrange(64), chance.randrange(46)),
        cursor,
    ]
    return chance.choices(steps, [6, 2, 1, 2, 1, 1, 0.5, 2, 1])[0]


@pytest.mark.parametrize("waste", [0, damage.WASTE_MAX])
@pytest.mark.parametrize("seed", range(6))
def test_pictures_are_those_drawn_as_a_whole(
    seed: int, waste: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The areas that are returned contain all that differs from the picture before."""
    monkeypatch.setattr(damage, "WASTE_MAX", waste)
    chance, canvas = Random(seed), Canvas()
    canvas.feed(write("size", 0, 50, 40) + write("sync", 0))
    screen = Screen(canvas, WIDTH, HEIGHT)
    for time in range(1, 120):
        canvas.feed(step(chance, canvas) + write("sync", time))
        before = screen.picture.copy()
        for left, top, right, bottom in screen.update():
            assert not (left | top | right | bottom) % 2
            before[top:bottom, left:right] = screen.picture[top:bottom, left:right]
        assert np.array_equal(before, screen.picture)
        assert np.array_equal(screen.picture[..., :3], expected(canvas)), time


def expected(canvas: Canvas) -> np.ndarray:
    """The picture with the pointer, pixel by pixel where there is a pointer."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    shown = canvas.flatten()
    x, y = (
        place - hot for place, hot in zip(canvas.pointer or (0, 0), canvas.hotspot, strict=True)
    )
    for row, column in np.ndindex(canvas.cursor.shape[:2] if canvas.pointer else (0, 0)):
        if 0 <= y + row < shown.shape[0] and 0 <= x + column < shown.shape[1]:
            *colour, alpha = map(int, canvas.cursor[row, column])
            below = map(int, shown[y + row, x + column])
            mixed = [
                (c * alpha + b * (255 - alpha) + 127) // 255
                for c, b in zip(colour, below, strict=True)
            ]
            shown[y + row, x + column] = mixed
    part = shown[:HEIGHT, :WIDTH]
    picture[: part.shape[0], : part.shape[1]] = part
    return picture


def test_nothing_is_drawn_where_nothing_changes() -> None:
    canvas = Canvas()
    canvas.feed(write("size", 0, WIDTH, HEIGHT) + write("sync", 0))
    screen = Screen(canvas, WIDTH, HEIGHT)
    assert screen.update() == [(0, 0, WIDTH, HEIGHT)]
    canvas.feed(write("size", -1, 9, 9) + rectangle(Random(1), -1) + write("sync", 1))
    assert screen.update() == []
    canvas.feed(write("rect", 0, 3, 5, 4, 2) + write("cfill", 0xE, 0, 1, 2, 3, 255))
    assert screen.update() == []
    canvas.feed(write("sync", 2))
    assert screen.update() == [(2, 4, 8, 8)]
