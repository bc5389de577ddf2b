"""What a viewer paints equals the surfaces, after any sequence of frames."""

import random

import numpy as np
import pytest

from guacr.display import cursor
from guacr.display.display import Display
from guacr.display.encoder import Encoding
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.plan import Plan
from guacr.display.solid import SolidSurface
from guacr.protocol.instruction import encode
from tests.support.canvas import Canvas

EXACT = Encoding(format="png")


def paint(canvas: Canvas, plan: Plan | None, encoding: Encoding = EXACT) -> None:
    if plan is not None:
        canvas.feed(plan.encode(encoding) + encode("sync", canvas.timestamp + 1, 1))


def seen(surface: FrameBuffer) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return surface.array[..., 2::-1]


def scribble(surface: FrameBuffer, chance: random.Random) -> None:
    width, height = surface.size
    rect = Rect(
        chance.randrange(width),
        chance.randrange(height),
        chance.randint(1, 200),
        chance.randint(1, 99),
    )
    match chance.randrange(4):
        case 0:
            surface.fill(rect, (chance.randrange(256), 3, 4))
        case 1:
            noise = np.frombuffer(chance.randbytes(rect.area * 4), np.uint8)
            surface.blit(rect, noise.reshape(rect.height, rect.width, 4))
        case 2:
            surface.copy_rect(rect, chance.randrange(width), chance.randrange(height))
        case 3:
            row = np.arange(rect.width * 4, dtype=np.uint8).reshape(1, rect.width, 4)
            surface.blit(rect, np.repeat(row, rect.height, 0))


@pytest.mark.parametrize("seed", range(8))
def test_viewer_and_joiner_see_the_surface(seed: int) -> None:
    chance = random.Random(seed)
    display, surface = Display(), FrameBuffer(300, 200)
    display.set_surface(surface)
    viewer = Canvas()
    for step in range(30):
        for _ in range(chance.randint(0, 4)):
            scribble(surface, chance)
        if chance.random() < 0.1:
            surface.resize(chance.randint(60, 400), chance.randint(60, 300))
        paint(viewer, display.plan(step / 10))
        assert not display.changed
        assert (viewer.flatten() == seen(surface)).all()
        joiner = Canvas()
        paint(joiner, display.plan_full())
        assert (joiner.flatten() == seen(surface)).all()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_skipped_is_part_of_the_next_whole_picture(seed: int) -> None:
    chance = random.Random(seed)
    display, surface = Display(), FrameBuffer(300, 200)
    display.set_surface(surface)
    overlay = display.add_overlay(0, 0, 80, 60)
    viewer = Canvas()
    for step in range(30):
        for _ in range(chance.randint(1, 4)):
            scribble(surface, chance)
        if chance.random() < 0.3:
            surface.resize(chance.randint(60, 400), chance.randint(60, 300))
        overlay.place(chance.randrange(20), chance.randrange(20))
        overlay.resize(chance.randint(1, 90), chance.randint(1, 90))
        display.set_cursor(chance.choice([cursor.TEXT, cursor.LINK]))
        if chance.random() < 0.5:
            display.skip(step / 10)
            assert not display.changed
            assert display.plan(step / 10) is None
            paint(viewer, display.plan_full())
        else:
            paint(viewer, display.plan(step / 10))
        assert (viewer.flatten() == seen(surface)).all()


def test_lossy_picture_becomes_exact_once_it_rests() -> None:
    display, surface = Display(), FrameBuffer(1000, 600)
    display.set_surface(surface)
    gradient = np.add.outer(np.arange(600), np.arange(1000)) % 251
    surface.blit(Rect(0, 0, 1000, 600), gradient.astype(np.uint8)[..., None].repeat(4, 2))
    viewer, auto = Canvas(), Encoding()
    paint(viewer, display.plan(0.0), auto)
    begins_lossy = display.lossy
    assert begins_lossy
    assert not (viewer.flatten() == seen(surface)).all()
    now, frames = 1.0, 0
    while display.lossy:
        display.refine(now, 0.3)
        assert display.changed
        paint(viewer, display.plan(now), auto)
        frames += 1
        assert frames < 20, "it never becomes exact"
    assert frames > 1, "a large picture is refined in parts"
    assert (viewer.flatten() == seen(surface)).all()


def test_what_moves_is_sent_with_losses_and_what_rests_without() -> None:
    display, surface = Display(), FrameBuffer(640, 400)
    display.set_surface(surface)
    viewer, auto, chance = Canvas(), Encoding(), random.Random(1)
    paint(viewer, display.plan(0.0), auto)
    video = Rect(64, 64, 64, 64)
    for frame in range(10):
        noise = np.frombuffer(chance.randbytes(video.area * 4), np.uint8)
        surface.blit(video, noise.reshape(64, 64, 4))
        surface.fill(Rect(300, 300, 20, 20), (frame * 20, 0, 0))
        paint(viewer, display.plan(frame / 20), auto)
        display.refine(frame / 20, 0.3)
    difference = (viewer.flatten() != seen(surface)).any(axis=2)
    assert difference[64:128, 64:128].any()
    difference[64:128, 64:128] = False
    assert not difference.any()


def test_an_unchanged_display_plans_nothing() -> None:
    display = Display()
    assert display.plan(0.0) is not None, "the cursor"
    display.set_surface(SolidSurface(80, 60, (1, 2, 3)))
    assert display.plan(0.0) is not None
    assert display.plan(0.0) is None


def test_layers_and_overlays() -> None:
    display = Display()
    ground = SolidSurface(100, 80, (10, 20, 30))
    display.set_surface(ground)
    text = FrameBuffer(40, 30)
    layer = display.add_layer(text, x=7, y=9)
    text.fill(Rect(0, 0, 40, 30), (200, 0, 0))
    overlay = display.add_overlay(7, 9, 40, 30)
    overlay.show([(Rect(0, 0, 10, 10), (0, 0, 255, 128))])
    viewer = Canvas()
    paint(viewer, display.plan(0.0))
    picture = viewer.flatten()
    assert tuple(picture[0, 0]) == (10, 20, 30)
    assert tuple(picture[9 + 29, 7 + 39]) == (200, 0, 0)
    assert abs(picture[9, 7].astype(int) - (100, 0, 128)).max() <= 1
    overlay.show([])
    layer.place(0, 0)
    paint(viewer, display.plan(0.0))
    assert tuple(viewer.flatten()[0, 0]) == (200, 0, 0)
    joiner = Canvas()
    paint(joiner, display.plan_full())
    had = display.shown
    assert (joiner.flatten() == viewer.flatten()).all()
    display.remove(layer)
    display.remove(overlay)
    paint(viewer, display.plan(0.0))
    assert (viewer.flatten() == (10, 20, 30)).all()
    assert viewer.layers == [-1, 0]
    assert not display.changed
    joiner.feed(display.disposals(had) + encode("sync", 3))  # it has missed what the other was told
    assert joiner.layers == [-1, 0]


def test_indices_of_layers_are_used_again() -> None:
    display = Display()
    display.set_surface(SolidSurface(50, 50, (10, 20, 30)))
    viewer, late = Canvas(), Canvas()
    paint(viewer, display.plan(0.0))
    paint(late, display.plan_full())
    had = display.shown
    for shade in range(1, 200):
        layer = display.add_layer(SolidSurface(10, 10, (shade, 0, 0)), x=shade % 30)
        paint(viewer, display.plan(0.0))
        assert tuple(viewer.flatten()[0, shade % 30]) == (shade, 0, 0)
        if shade == 100:
            paint(late, display.plan_full())
            had = display.shown
        display.remove(layer)
        assert layer.index == 1
    below = display.add_layer(SolidSurface(9, 9, (1, 1, 1)))
    above = display.add_overlay(0, 0, 9, 9)
    display.remove(below)
    top = display.add_layer(SolidSurface(9, 9, (2, 2, 2)))
    above.show([(Rect(0, 0, 9, 9), (3, 3, 3, 255))])
    paint(viewer, display.plan(0.0))
    assert (below.index, above.index, top.index) == (1, 2, 1)
    assert tuple(viewer.flatten()[0, 0]) == (2, 2, 2), "the newest lies above all"
    late.feed(display.disposals(had))
    paint(late, display.plan_full())
    assert (late.flatten() == viewer.flatten()).all()
    assert b"dispose" not in display.plan_full().encode(EXACT)
    assert display.disposals(frozenset()) == b"", "who has no layer is told of none"


@pytest.mark.parametrize("name", ["NONE", "POINTER", "TEXT", "LINK"])
def test_cursors_arrive(name: str) -> None:
    display, shape = Display(), getattr(cursor, name)
    display.set_surface(SolidSurface(10, 10, (0, 0, 0)))
    display.set_cursor(cursor.POINTER)
    viewer = Canvas()
    paint(viewer, display.plan(0.0))
    display.set_cursor(shape)
    paint(viewer, display.plan(0.0))
    assert viewer.cursor.shape == shape.rgba.shape
    visible = shape.rgba[..., 3] > 0
    assert (viewer.cursor[visible] == shape.rgba[visible]).all()
    assert viewer.hotspot == (shape.hot_x, shape.hot_y)


def test_pixels_survive_drawing_after_detach() -> None:
    display, surface = Display(), FrameBuffer(64, 64)
    display.set_surface(surface)
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    surface.blit(Rect(0, 0, 64, 64), noise)
    plan = display.plan(0.0)
    assert plan is not None
    plan.detach()
    surface.fill(Rect(0, 0, 64, 64), (0, 0, 0))
    viewer = Canvas()
    paint(viewer, plan)
    assert (viewer.flatten() == noise[..., 2::-1]).all()
