"""The framebuffer: whatever is drawn, the damage brings a viewer from one picture to the next."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guacr.budget import Budget
from guacr.display.dirty import RECTS_MAX
from guacr.display.encoded import SIDE_MAX
from guacr.display.framebuffer import COPIES_MAX, DRAWN_MAX, FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.pixels import Array8, move_within
from guacr.display.surface import Copy, Damage
from guacr.errors import OverrunError, UnsupportedError

RED, GREEN = (255, 0, 0), (0, 255, 0)


def apply_damage(picture: Array8, surface: FrameBuffer, damage: Damage) -> Array8:
    """Return the picture of a viewer that had `picture` and receives `damage`."""
    width, height = surface.size
    if picture.shape[:2] != (height, width):
        picture = np.full((height, width, 4), 77, np.uint8)
    for copy in damage.copies:
        source = copy.source
        moved = picture[source.y : source.bottom, source.x : source.right].copy()
        assert moved.shape[:2] == (source.height, source.width)
        picture[copy.y : copy.y + source.height, copy.x : copy.x + source.width] = moved
    for rect in damage.rects:
        picture[rect.y : rect.bottom, rect.x : rect.right] = surface.pixels(rect).bgrx().array
    return picture


def assert_well_formed(surface: FrameBuffer, damage: Damage) -> None:
    bounds = Rect(0, 0, *surface.size)
    assert all(bounds.contains(rect) and rect.area > 0 for rect in damage.rects)
    assert not any(a.intersection(b) for a, b in combinations(damage.rects, 2))
    assert len(damage.rects) <= RECTS_MAX
    assert len(damage.copies) <= COPIES_MAX


def noise(width: int, height: int, seed: int) -> Array8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


def quiet(width: int, height: int, seed: int = 1) -> FrameBuffer:
    """A framebuffer full of noise whose damage has been taken."""
    surface = FrameBuffer(width, height)
    surface.blit(Rect(0, 0, width, height), noise(width, height, seed))
    surface.take_damage()
    return surface


places = st.builds(
    Rect, st.integers(-20, 130), st.integers(-20, 100), st.integers(0, 90), st.integers(0, 70)
)
seeds = st.integers(0, 2**16 - 1)
operations = st.one_of(
    st.tuples(st.just("blit"), places, seeds),
    st.tuples(st.just("fill"), places, seeds),
    st.tuples(st.just("copy"), places, st.tuples(st.integers(-30, 130), st.integers(-30, 100))),
    st.tuples(st.just("scroll"), places, st.integers(-9, 9)),
    st.tuples(st.just("resize"), st.tuples(st.integers(1, 140), st.integers(1, 100))),
    st.tuples(st.just("take")),
)


def perform(surface: FrameBuffer, operation: tuple[Any, ...]) -> None:
    match operation:
        case ("blit", rect, seed):
            surface.blit(rect, noise(rect.width, rect.height, seed))
        case ("fill", rect, seed):
            surface.fill(rect, (seed % 256, seed // 256, 9))
        case ("copy", rect, (x, y)):
            surface.copy_rect(rect, x, y)
        case ("scroll", rect, rows):
            surface.copy_rect(rect, rect.x, rect.y + rows)
        case ("resize", (width, height)):
            surface.resize(width, height)


@given(st.lists(operations, max_size=60))
@settings(max_examples=300)
def test_damage_brings_the_last_picture_to_the_present_one(steps: list[tuple[Any, ...]]) -> None:
    surface = FrameBuffer(120, 90)
    shown = np.zeros((0, 0, 4), np.uint8)
    for operation in [*steps, ("take",)]:
        if operation[0] != "take":
            perform(surface, operation)
            continue
        damage = surface.take_damage()
        assert_well_formed(surface, damage)
        shown = apply_damage(shown, surface, damage)
        assert np.array_equal(shown, surface.array)
        assert not surface.changed


@given(
    st.lists(st.tuples(st.sampled_from([-3, -2, -1, 1, 2, 3]), st.booleans()), max_size=40),
    st.booleans(),
)
def test_scrolling_there_and_back_is_right(
    steps: list[tuple[int, bool]], quiet_start: bool
) -> None:
    surface = FrameBuffer(100, 80)
    area = Rect(5, 6, 90, 70)
    shown = np.zeros((0, 0, 4), np.uint8)
    if quiet_start:
        surface.blit(Rect(0, 0, 100, 80), noise(100, 80, 3))
        shown = apply_damage(shown, surface, surface.take_damage())
    for number, (rows, fresh_line) in enumerate(steps):
        surface.copy_rect(area, area.x, area.y + rows)
        if fresh_line:
            line = Rect(area.x, area.bottom - 3, area.width, 3)
            surface.blit(line, noise(line.width, line.height, number))
    assert np.array_equal(apply_damage(shown, surface, surface.take_damage()), surface.array)


def test_a_new_framebuffer_is_black_and_wholly_dirty() -> None:
    surface = FrameBuffer(64, 48)
    assert surface.size == (64, 48)
    assert surface.take_damage() == Damage([], [Rect(0, 0, 64, 48)])
    assert not surface.changed
    assert not surface.take_damage()
    assert not surface.array.any()


def test_blit_shows_the_part_that_lies_within() -> None:
    surface = quiet(50, 40)
    pixels = noise(20, 20, 9)
    surface.blit(Rect(-5, 30, 20, 20), pixels)
    assert np.array_equal(surface.array[30:40, 0:15, :3], pixels[:10, 5:, :3])
    assert surface.take_damage().rects == [Rect(0, 30, 15, 10)]


def test_a_framebuffer_takes_no_more_than_its_budget() -> None:
    memory = Budget(100 * 100 * 12, "session.max_memory")
    surface = FrameBuffer(100, 50, memory)
    surface.fill(Rect(0, 0, 9, 9), RED)
    before = surface.array.copy()
    with pytest.raises(OverrunError, match=r"a picture of 101x100 pixels needs .*max_memory"):
        surface.resize(101, 100)
    assert np.array_equal(surface.array, before)
    surface.resize(100, 100)
    with pytest.raises(OverrunError):
        FrameBuffer(1, 1, memory)
    surface.resize(10, 10)
    assert memory.used == 1200
    del surface
    assert memory.used == 0


def test_a_picture_of_no_size_takes_nothing() -> None:
    memory = Budget(1 << 40, "session.max_memory")
    surface = FrameBuffer(10, 10, memory)
    for size in ((0, 5), (5, SIDE_MAX + 1)):
        with pytest.raises(UnsupportedError):
            FrameBuffer(*size, memory)
        with pytest.raises(UnsupportedError):
            surface.resize(*size)
    assert memory.used == 1200


@pytest.mark.parametrize(
    "strided",
    [
        lambda pixels: np.ndarray((5, 7, 4), np.uint8, pixels, 3, (31, 4, 1)),
        lambda pixels: pixels[3 : 3 + 5 * 7 * 4].reshape(5, 7, 4)[..., [2, 1, 0, 3]],
        lambda pixels: pixels[: 7 * 5 * 4].reshape(7, 5, 4).transpose(1, 0, 2),
        lambda pixels: pixels[: 5 * 7 * 4].reshape(5, 7, 4)[::-1, ::-1],
        lambda pixels: pixels[: 5 * 7 * 8].reshape(5, 7, 8)[..., ::2],
    ],
    ids=["padded rows", "swapped colours", "turned", "mirrored", "every other byte"],
)
def test_blit_takes_any_strides(strided: Callable[[Array8], Array8]) -> None:
    pixels = strided(noise(100, 1, 3).ravel())
    surface = FrameBuffer(7, 5)
    surface.blit(Rect(0, 0, 7, 5), pixels)
    assert (surface.array[..., :3] == pixels[..., :3]).all()
    assert not surface.array[..., 3].any()


def test_clean_pixels_are_clipped_as_well() -> None:
    surface, pixels = quiet(50, 40), noise(20, 20, 9)
    pixels[..., 3] = 0
    surface.blit(Rect(40, -5, 20, 20), pixels, clean=True)
    assert (surface.array[:15, 40:] == pixels[5:, :10]).all()
    assert surface.take_damage().rects == [Rect(40, 0, 10, 15)]


def test_padding_is_no_part_of_the_picture() -> None:
    surface = quiet(50, 40)
    pixels = noise(20, 20, 9)
    pixels[..., :3] = (3, 2, 1)
    surface.blit(Rect(5, 5, 20, 20), pixels)
    assert pixels[..., 3].any()
    assert surface.pixels(Rect(5, 5, 20, 20)).solid() == (1, 2, 3)


@pytest.mark.parametrize("rect", [Rect(50, 0, 5, 5), Rect(0, -9, 9, 9), Rect(3, 3, 0, 7)])
def test_drawing_outside_changes_nothing(rect: Rect) -> None:
    surface = quiet(50, 40)
    before = surface.array.copy()
    surface.blit(rect, noise(rect.width, rect.height, 2))
    surface.fill(rect, RED)
    surface.touch(rect)
    surface.copy_rect(rect, 10, 10)
    assert not surface.changed
    assert np.array_equal(surface.array, before)


def test_fill_takes_red_green_blue() -> None:
    surface = quiet(10, 10)
    surface.fill(Rect(2, 3, 4, 5), (1, 2, 3))
    assert surface.changed
    assert surface.pixels(Rect(2, 3, 4, 5)).solid() == (1, 2, 3)
    assert surface.array[3, 2, :3].tolist() == [3, 2, 1]


def test_pixels_is_a_view_of_the_array() -> None:
    surface = quiet(10, 10)
    view = surface.pixels(Rect(1, 2, 3, 4))
    assert (view.width, view.height) == (3, 4)
    assert np.shares_memory(view.bgrx().array, surface.array)


def test_a_copy_of_clean_pixels_stays_a_copy() -> None:
    surface = quiet(200, 100)
    surface.copy_rect(Rect(0, 10, 200, 90), 0, 0)
    assert surface.take_damage() == Damage([Copy(Rect(0, 10, 200, 90), 0, 0)], [])


def test_a_copy_is_clipped_at_both_ends() -> None:
    surface = quiet(200, 100)
    surface.copy_rect(Rect(-10, 0, 100, 50), 150, -20)
    assert surface.take_damage() == Damage([Copy(Rect(0, 20, 40, 30), 160, 0)], [])


def test_a_copy_to_its_own_place_is_nothing() -> None:
    surface = quiet(200, 100)
    surface.copy_rect(Rect(10, 10, 50, 50), 10, 10)
    assert not surface.changed


def test_a_small_copy_becomes_pixels() -> None:
    surface = quiet(200, 100)
    surface.copy_rect(Rect(0, 0, 15, 15), 100, 50)
    assert surface.take_damage() == Damage([], [Rect(100, 50, 15, 15)])


def test_a_copy_of_mostly_dirty_pixels_becomes_pixels() -> None:
    surface = quiet(200, 100)
    surface.fill(Rect(0, 0, 60, 100), RED)
    surface.copy_rect(Rect(0, 0, 100, 100), 100, 0)
    damage = surface.take_damage()
    assert damage.copies == []
    assert any(rect.contains(Rect(100, 0, 100, 100)) for rect in damage.rects)


def test_dirty_pixels_in_the_source_arrive_as_pixels() -> None:
    surface = quiet(800, 400)
    surface.fill(Rect(0, 0, 120, 120), RED)
    surface.copy_rect(Rect(0, 0, 300, 400), 440, 0)
    damage = surface.take_damage()
    assert damage.copies == [Copy(Rect(0, 0, 300, 400), 440, 0)]
    assert sorted(damage.rects) == [Rect(0, 0, 120, 120), Rect(440, 0, 120, 120)]


def test_dirty_pixels_below_the_target_are_forgotten() -> None:
    surface = quiet(200, 100)
    surface.fill(Rect(120, 20, 20, 20), RED)
    surface.copy_rect(Rect(0, 0, 90, 90), 100, 0)
    assert surface.take_damage() == Damage([Copy(Rect(0, 0, 90, 90), 100, 0)], [])


def test_a_copy_that_is_drawn_over_is_left_out() -> None:
    surface = quiet(200, 100)
    surface.copy_rect(Rect(0, 0, 50, 50), 100, 20)
    surface.fill(Rect(90, 10, 80, 80), GREEN)
    assert surface.take_damage() == Damage([], [Rect(90, 10, 80, 80)])


def test_scrolling_several_times_is_one_copy_and_one_strip() -> None:
    surface = quiet(200, 100)
    for number in range(COPIES_MAX + 10):
        surface.copy_rect(Rect(0, 1, 200, 99), 0, 0)
        surface.blit(Rect(0, 99, 200, 1), noise(200, 1, number))
    rows = COPIES_MAX + 10
    assert surface.take_damage() == Damage(
        [Copy(Rect(0, rows, 200, 100 - rows), 0, 0)], [Rect(0, 100 - rows, 200, rows)]
    )


def test_copies_beyond_the_limit_become_pixels() -> None:
    surface = quiet(900, 40)
    for number in range(COPIES_MAX + 1):
        surface.copy_rect(Rect(0, 0, 20, 20), 25 * (number + 1), number % 2)
    damage = surface.take_damage()
    assert len(damage.copies) == COPIES_MAX
    assert damage.rects == [Rect(25 * (COPIES_MAX + 1), COPIES_MAX % 2, 20, 20)]


def test_neighbouring_tiles_are_one_rectangle() -> None:
    surface = quiet(256, 192)
    for y, x in product(range(0, 192, 64), range(0, 256, 64)):
        surface.fill(Rect(x, y, 64, 64), RED)
    assert surface.take_damage().rects == [Rect(0, 0, 256, 192)]


def test_distant_rectangles_stay_apart() -> None:
    surface = quiet(1000, 800)
    corners = [Rect(0, 0, 60, 60), Rect(940, 0, 60, 60), Rect(0, 740, 60, 60)]
    for rect in corners:
        surface.fill(rect, RED)
    assert sorted(surface.take_damage().rects) == sorted(corners)


def test_a_few_pixels_that_are_drawn_as_they_are_change_nothing() -> None:
    surface = quiet(100, 100)
    spot = Rect(7, 9, 2, 3)
    surface.blit(spot, surface.array[9:12, 7:9].copy())
    surface.array[0, 0] = (3, 2, 1, 0)
    surface.fill(Rect(0, 0, 1, 1), (1, 2, 3))
    assert not surface.changed
    surface.fill(Rect(0, 0, 1, 1), (1, 2, 4))
    assert surface.take_damage().rects == [Rect(0, 0, 1, 1)]
    pixels = surface.array[9:12, 7:9].copy()
    pixels[2, 1, 0] += 1
    surface.blit(spot, pixels)
    assert surface.take_damage().rects == [spot]


def test_drawing_without_frames_is_bounded() -> None:
    surface = quiet(1000, 800)
    for number in range(10 * DRAWN_MAX):
        surface.fill(Rect(number * 37 % 970, number * 91 % 770, 3, 3), RED)
    assert len(surface._drawn_last) <= DRAWN_MAX
    damage = surface.take_damage()
    assert_well_formed(surface, damage)
    assert all(
        any(rect.contains(Rect(n * 37 % 970, n * 91 % 770, 3, 3)) for rect in damage.rects)
        for n in range(10 * DRAWN_MAX)
    )


def test_resize_keeps_what_fits() -> None:
    surface = quiet(60, 40)
    before = surface.array.copy()
    surface.copy_rect(Rect(0, 0, 30, 30), 30, 0)
    after = surface.array.copy()
    surface.resize(50, 70)
    assert surface.take_damage() == Damage([], [Rect(0, 0, 50, 70)])
    assert np.array_equal(surface.array[:40], after[:, :50])
    assert not surface.array[40:].any()
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("size", [(SIDE_MAX, 1), (1, SIDE_MAX)])
def test_the_largest_sides_are_taken(size: tuple[int, int]) -> None:
    assert FrameBuffer(*size).size == size


@pytest.mark.parametrize(
    "make",
    [
        lambda: FrameBuffer(0, 5),
        lambda: FrameBuffer(5, SIDE_MAX + 1),
        lambda: FrameBuffer(5, 5).resize(SIDE_MAX + 1, 5),
        lambda: FrameBuffer(5, 5).resize(5, -1),
    ],
)
def test_impossible_sizes_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(UnsupportedError, match=f"1 to {SIDE_MAX} pixels"):
        make()


@pytest.mark.parametrize("strided", [False, True])
@given(st.integers(0, 19), st.integers(0, 19), st.integers(1, 20), st.booleans())
def test_pixels_move_within_a_picture(
    strided: bool, top: int, target: int, rows: int, narrow: bool
) -> None:
    rows = min(rows, 20 - top, 20 - target)
    whole = noise(30, 20, 4)
    array = whole[:, 3:27] if strided else whole
    width = array.shape[1] - 5 if narrow else array.shape[1]
    expected = array.copy()
    expected[target : target + rows, :width] = array[top : top + rows, :width].copy()
    move_within(array, Rect(0, top, width, rows), 0, target)
    assert np.array_equal(array, expected)
