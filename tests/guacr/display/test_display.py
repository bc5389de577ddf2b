"""A viewer's picture equals the surfaces, after any sequence of frames."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from guacr.display import cursor
from guacr.display.display import Display
from guacr.display.encoder import Encoding
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.held import HeldSurface
from guacr.display.layer import REFINE_AREA, REFINE_AREA_MIN
from guacr.display.plan import Plan
from guacr.display.solid import SolidSurface
from guacr.protocol.instruction import encode
from guacr.session.frames.frames import REFINE_DELAY, REFINE_EVERY
from guacr.testing.canvas import Canvas

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


def test_everybody_learns_whether_touches_are_accepted() -> None:
    display = Display()
    display.set_surface(FrameBuffer(30, 20))
    first = display.plan(0.0)
    assert first is not None
    assert b"multi-touch" not in first.encode(EXACT)
    for count in (10, 0):
        display.accept_touches(count)
        assert display.changed
        plan = display.plan(1.0)
        assert plan is not None
        assert plan.encode(EXACT) == encode("set", 0, "multi-touch", count)
        assert display.plan(1.0) is None
        assert encode("set", 0, "multi-touch", count) in display.plan_full().encode(EXACT)
    display.accept_touches(10)
    display.skip(2.0)
    assert display.plan(3.0) is None


def big_noise(seed: int) -> FrameBuffer:
    """Several bands of what does not compress, beside a colour and a text."""
    surface = FrameBuffer(900, 700)
    chance = np.random.default_rng(seed)
    surface.blit(Rect(0, 0, 900, 650), chance.integers(0, 256, (650, 900, 4), np.uint8))
    surface.fill(Rect(100, 100, 300, 300), (seed, 2, 3))
    return surface


def test_what_is_drawn_anew_as_it_was_is_not_sent() -> None:
    display, surface = Display(), big_noise(1)
    display.set_surface(surface)
    viewer = Canvas()
    paint(viewer, display.plan(0.0))
    surface.blit(Rect(0, 0, 900, 700), surface.array.copy())
    plan = display.plan(0.1)
    assert plan is not None
    assert plan.encode(EXACT) == b""
    changed = surface.array.copy()
    changed[333, 777] ^= 1
    changed[..., 3] = 0
    surface.blit(Rect(0, 0, 900, 700), changed)
    plan = display.plan(0.2)
    assert plan is not None
    data = plan.encode(EXACT)
    assert len(data) < 64 * 64 * 4 * 2, "one tile"
    viewer.feed(data + encode("sync", viewer.timestamp + 1, 1))
    assert (viewer.flatten() == seen(surface)).all()


def test_a_scroll_that_is_drawn_anew_is_a_copy_and_a_strip() -> None:
    chance = np.random.default_rng(5)
    text = np.zeros((900, 700, 4), np.uint8)
    text[chance.random((900, 700)) < 0.2, :3] = 200
    display, surface = Display(), FrameBuffer(700, 500)
    display.set_surface(surface)
    viewer = Canvas()
    for step in range(12):
        top = 23 * step
        surface.blit(Rect(0, 0, 700, 500), text[top : top + 500])
        surface.fill(Rect(0, 0, 150, 500), (3, 3, 3))  # a part that rests
        plan = display.plan(step / 10)
        assert plan is not None
        data = plan.encode(EXACT)
        viewer.feed(data + encode("sync", step + 1, 1))
        assert (viewer.flatten() == seen(surface)).all()
        if step:
            assert b"4.copy," in data
            assert len(data) < 20_000, "of the 90,000 of the whole"


@pytest.mark.parametrize("seed", range(6))
def test_a_busy_desktop_is_seen_as_it_is(seed: int) -> None:
    chance = random.Random(seed)
    display, surface = Display(), big_noise(seed)
    display.set_surface(surface)
    viewer = Canvas()
    for step in range(15):
        width, height = surface.size
        for _ in range(chance.randint(1, 3)):
            scribble(surface, chance)
        dx, dy = chance.randint(-60, 60), chance.randint(-60, 60)
        window = surface.array[100:500, 200:700].copy()
        surface.blit(Rect(200 + dx, 100 + dy, 500, 400), window)
        if chance.random() < 0.2:
            surface.blit(Rect(0, 0, width, height), np.roll(surface.array, dy, axis=0))
        paint(viewer, display.plan(step / 10))
        assert (viewer.flatten() == seen(surface)).all()


def test_a_viewer_that_was_skipped_is_sent_everything_anew() -> None:
    display, surface = Display(), big_noise(1)
    display.set_surface(surface)
    paint(Canvas(), display.plan(0.0))
    before = surface.array.copy()
    surface.fill(Rect(0, 0, 900, 700), (1, 1, 1))
    display.skip(0.1)
    viewer = Canvas()
    paint(viewer, display.plan_full())
    surface.blit(Rect(0, 0, 900, 700), before)
    paint(viewer, display.plan(0.2))
    assert (viewer.flatten() == seen(surface)).all()


def test_a_frame_is_the_same_in_shares() -> None:
    display, surface = Display(), big_noise(1)
    display.set_surface(surface)
    viewer, joiner = Canvas(), Canvas()
    plan, whole = display.plan(0.0), display.plan_full()
    assert plan is not None
    picture = seen(surface).copy()
    for canvas, one in ((viewer, plan), (joiner, whole)):
        one.detach()
        shares = one.shares(EXACT)
        assert len(shares) > 1
        surface.fill(Rect(0, 0, 900, 700), (7, 7, 7))  # drawn while it is encoded
        with ThreadPoolExecutor(4) as executor:
            data = b"".join(executor.map(lambda share: share(), shares))
        one.settle()
        canvas.feed(data + encode("sync", 1, 1))
        assert (canvas.flatten() == picture).all()
        surface.array[:] = np.dstack([picture[..., ::-1], np.zeros(picture.shape[:2], np.uint8)])


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
    layer = display.set_surface(surface)
    gradient = np.add.outer(np.arange(600), np.arange(1000))[..., None] // 10
    grain = np.random.default_rng(1).integers(0, 30, (600, 1000, 4))
    surface.blit(Rect(0, 0, 1000, 600), (gradient + grain).astype(np.uint8))
    viewer, auto = Canvas(), Encoding()
    paint(viewer, display.plan(0.0), auto)
    begins_lossy = layer.lossy
    assert begins_lossy
    assert not (viewer.flatten() == seen(surface)).all()
    now, frames = 1.0, 0
    while layer.lossy:
        display.refine(now, 0.3)
        assert display.changed
        paint(viewer, display.plan(now), auto)
        frames += 1
        assert frames < 20, "it never becomes exact"
    assert frames > 1, "a large picture is refined in parts"
    assert (viewer.flatten() == seen(surface)).all()


def test_a_whole_picture_can_be_exact_while_others_have_losses() -> None:
    display, viewer, lossy = Display(), Canvas(), Encoding()
    surface = big_noise(7)
    layer = display.set_surface(surface)
    paint(viewer, display.plan(0.0), lossy)
    assert layer.lossy
    losses = viewer.flatten().copy()
    assert (losses != seen(surface)).any()
    exact = Canvas()
    paint(exact, display.plan_full(exact=True), lossy)
    assert (exact.flatten() == seen(surface)).all()
    assert layer.lossy, "others still have their losses"
    joiner = Canvas()
    paint(joiner, display.plan_full(), lossy)
    assert (joiner.flatten() != seen(surface)).any()


def test_a_large_photograph_that_was_panned_is_exact_within_four_seconds() -> None:
    display, surface = Display(), FrameBuffer(1920, 1080)
    layer = display.set_surface(surface)
    grain = np.random.default_rng(1).integers(0, 60, (1080, 2000, 4)).astype(np.uint8)
    photo = grain + (np.arange(2000) // 12).astype(np.uint8)[None, :, None]
    viewer, auto, now = Canvas(), Encoding(), 0.0
    for step in range(8):
        surface.blit(Rect(0, 0, 1920, 1080), photo[:, 7 * step : 7 * step + 1920])
        now = step / 8
        paint(viewer, display.plan(now), auto)
    assert layer.lossy
    rests, now = now, now + REFINE_EVERY
    while not display.refined and now < rests + 4:
        display.refine(now, REFINE_DELAY)
        paint(viewer, display.plan(now), auto)
        now += REFINE_EVERY
    assert (viewer.flatten() == seen(surface)).all()


@pytest.mark.parametrize("moving", [False, True])
def test_less_is_sent_again_while_much_moves(moving: bool) -> None:
    display, surface = Display(), FrameBuffer(1280, 960)
    layer = display.set_surface(surface)
    chance = np.random.default_rng(1)
    surface.blit(Rect(0, 0, 1280, 960), chance.integers(0, 256, (960, 1280, 4), np.uint8))
    viewer, auto = Canvas(), Encoding()
    paint(viewer, display.plan(0.0), auto)
    sizes: list[int] = []
    for frame in range(20, 38):
        now = frame / 10
        if moving:
            noise = chance.integers(0, 256, (640, 640, 4), np.uint8)
            surface.blit(Rect(640, 320, 640, 640), noise)
        exact = (viewer.flatten() == seen(surface)).all(axis=2)[:, :640].sum()
        if frame % 3 == 0:
            display.refine(now, 0.3)
        paint(viewer, display.plan(now), auto)
        after = (viewer.flatten() == seen(surface)).all(axis=2)[:, :640].sum()
        sizes.append(int(after - exact))
    assert max(sizes) <= REFINE_AREA
    if moving:
        assert 0 < max(sizes[3:]) <= REFINE_AREA_MIN, (
            "the first frames do not show yet that it moves"
        )
        assert layer.lossy
    else:
        assert max(sizes) > REFINE_AREA // 2
        assert not layer.lossy


def test_what_moves_while_it_is_sent_exactly_keeps_its_losses() -> None:
    display, surface = Display(), FrameBuffer(512, 1024)
    display.set_surface(surface)
    picture = np.random.default_rng(1).integers(0, 256, (512, 512, 4), np.uint8)
    surface.blit(Rect(0, 0, 512, 512), picture)
    viewer = Canvas()
    paint(viewer, display.plan(0.0), Encoding())
    display.refine(5.0, 1.0)
    surface.blit(Rect(0, 512, 512, 512), picture)
    surface.touch(Rect(0, 0, 512, 1024))
    paint(viewer, display.plan(5.0), Encoding())
    now = 5.0
    while not display.refined:
        now += 5.0
        display.refine(now, 1.0)
        paint(viewer, display.plan(now), Encoding())
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


def test_an_overlay_that_grows_shows_what_was_beyond_its_edge() -> None:
    display = Display()
    display.set_surface(SolidSurface(300, 300, (10, 20, 30)))
    overlay = display.add_overlay(0, 0, 10, 10)
    overlay.show([(Rect(0, 0, 200, 200), (0, 0, 255, 255))])
    viewer, joiner = Canvas(), Canvas()
    paint(viewer, display.plan(0.0))
    overlay.resize(200, 200)
    paint(viewer, display.plan(0.0))
    paint(joiner, display.plan_full())
    assert (viewer.flatten() == joiner.flatten()).all()


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


def test_what_only_changes_need_is_freed_at_rest() -> None:
    display, surface, viewer = Display(), FrameBuffer(200, 100), Canvas()
    layer = display.set_surface(surface)
    paint(viewer, display.plan(0.0))
    for now in (1.0, 2.0):
        surface.fill(Rect(10, 10, 50, 50), (int(now), 0, 0))
        plan = display.plan(now)
        assert plan is not None
        plan.detach()
        surface.fill(Rect(0, 0, 200, 100), (9, 9, 9))
        paint(viewer, plan)
        assert viewer.flatten()[20, 20].tolist() == [int(now), 0, 0]
    display.refine(2.2, 0.3)
    assert layer._spare is not None
    display.refine(2.4, 0.3)
    assert layer._spare is None


@pytest.mark.parametrize("held", [False, True])
async def test_after_a_long_rest_changes_and_joiners_are_as_before(held: bool) -> None:
    display, surface, viewer = Display(), FrameBuffer(300, 200), Canvas()
    shown = HeldSurface(surface, 3600.0, lambda: None)
    layer = display.set_surface(shown)
    chance = np.random.default_rng(1)
    surface.blit(Rect(0, 0, 300, 200), chance.integers(0, 256, (200, 300, 4), np.uint8))
    paint(viewer, display.plan(0.0))
    paint(viewer, display.plan_full())
    before = seen(surface).copy()
    display.refine(4.9, 0.3)
    begins = layer.refined
    assert not begins
    if held:
        shown.hold()
        surface.fill(Rect(50, 50, 20, 20), (1, 2, 3))
    display.refine(11.0, 0.3)
    assert display.refined
    plan = display.plan(11.0)
    if plan is not None:
        paint(viewer, plan)
    assert (viewer.flatten() == before).all()
    shown.release()
    surface.copy_rect(Rect(100, 100, 90, 90), 10, 20)
    surface.fill(Rect(200, 10, 50, 50), (9, 9, 9))
    for now in (12.0, 13.0):
        paint(viewer, display.plan(now))
        assert (viewer.flatten() == seen(surface)).all()
        joiner = Canvas()
        paint(joiner, display.plan_full())
        assert (joiner.flatten() == seen(surface)).all()
        surface.fill(Rect(0, 0, 5, 5), (int(now), 9, 9))
    assert layer.surface is shown
