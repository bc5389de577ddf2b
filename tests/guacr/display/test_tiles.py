"""Tiles cover exactly what they divide, and each is of the kind it looks like."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.display.tiles import REST, TILE, Kind, Tile, TileGrid, Tiling, rects_of

RANDOM = np.random.default_rng(7)


def classified(
    rect: Rect, pixels: NDArray[np.uint32], lossy: NDArray[np.bool_] | None = None
) -> list[Tile]:
    """All tiles of `rect`; losses are allowed everywhere by default."""
    tiling = Tiling(rect)
    everywhere = tiling.changed(pixels, None)
    return list(tiling.classify(pixels, everywhere if lossy is None else lossy, everywhere))


@given(
    st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 200), st.randoms()
)
def test_tiles_cover_the_rectangle_once(x: int, y: int, width: int, height: int, random) -> None:  # type: ignore[no-untyped-def]
    rect = Rect(x, y, width, height)
    pixels = np.zeros((height, width), np.uint32)
    for _ in range(6):
        left, top = random.randrange(width), random.randrange(height)
        pixels[top : top + 70, left : left + 70] = random.choice([0, 1, 2])
    pixels[: height // 2, : width // 2] = RANDOM.integers(0, 1 << 24, (height // 2, width // 2))
    covered = np.zeros((height, width), int)
    for tile in classified(rect, pixels):
        inside = tile.rect.moved(-x, -y)
        part = (slice(inside.y, inside.bottom), slice(inside.x, inside.right))
        covered[part] += 1
        if tile.kind is Kind.SOLID:
            assert len(np.unique(pixels[part])) == 1
    assert (covered == 1).all()


def test_kinds() -> None:
    rect = Rect(0, 0, 4 * TILE, TILE)
    pixels = np.zeros((TILE, 4 * TILE), np.uint32)
    pixels[:, TILE : 2 * TILE] = RANDOM.integers(0, 1 << 24, (TILE, TILE))
    pixels[10:20, 2 * TILE + 5 : 2 * TILE + 30] = 77
    pixels[:, 3 * TILE :] = RANDOM.integers(0, 1 << 24, (TILE, TILE))
    lossy = np.array([[True, True, True, False]])
    kinds = {tile.rect.x // TILE: tile.kind for tile in classified(rect, pixels, lossy)}
    assert kinds == {0: Kind.SOLID, 1: Kind.LOSSY, 2: Kind.LOSSLESS}


def test_text_in_motion_stays_sharp() -> None:
    """Text has few colours, even where few pixels equal their left neighbours."""
    rect = Rect(3, 5, 3 * TILE, 2 * TILE)
    text = RANDOM.choice(
        np.array([0, 0xFFFFFF, 0xFF0000, 0x00FF00], np.uint32), (2 * TILE, 3 * TILE)
    )
    assert {tile.kind for tile in classified(rect, text)} == {Kind.LOSSLESS}
    photo = RANDOM.integers(0, 1 << 24, text.shape, dtype=np.uint32)
    assert {tile.kind for tile in classified(rect, photo)} == {Kind.LOSSY, Kind.LOSSLESS}


def test_changed_tiles_and_the_rectangle_around_them() -> None:
    rect = Rect(10, 20, 200, 150)
    shown = np.zeros((150, 200), np.uint32)
    pixels = shown.copy()
    tiling = Tiling(rect)
    assert not tiling.changed(pixels, shown).any()
    pixels[50, 60] = 1  # of the tile at (64, 64)
    changed = tiling.changed(pixels, shown)
    assert np.argwhere(changed).tolist() == [[1, 1]]
    assert tiling.box(changed) == Rect(64, 64, 64, 64)
    pixels[149, 199] = 1
    changed = tiling.changed(pixels, shown)
    assert tiling.box(changed) == Rect(64, 64, 146, 106)
    assert tiling.area(changed) == 64 * 64 + 18 * 42


def test_equal_tiles_are_joined() -> None:
    rect = Rect(0, 0, 300, 200)
    tiles = classified(rect, np.full((200, 300), 9, np.uint32))
    assert [(tile.rect, tile.kind) for tile in tiles] == [(rect, Kind.SOLID)]


def test_grid_knows_what_moves_and_what_rests() -> None:
    grid = TileGrid(200, 100)
    corner = Rect(180, 90, 20, 10)
    for now in (0.0, 0.1):
        assert not grid.hot(corner, now).any()
        grid.touch(corner, now)
    assert grid.hot(corner, now).all()
    grid.sent(corner, lossy=True)
    assert not grid.resting(0.3, 0.3).any()
    resting = grid.resting(0.6, 0.3)
    assert rects_of(resting, (200, 100)) == [Rect(128, 64, 72, 36)]
    for rect in rects_of(resting, (200, 100)):
        grid.sent(rect, lossy=False)
    assert not grid.lossy.any()


def test_what_has_rested_does_not_move_any_more() -> None:
    grid = TileGrid(128, 64)
    for frame in range(10):
        grid.touch(Rect(0, 0, 64, 64), frame / 10)
    whole = Rect(0, 0, 128, 64)
    assert grid.hot(whole, 0.9 + REST - 0.01).tolist() == [[True, False]]
    assert not grid.hot(whole, 0.9 + REST + 0.01).any()
    assert grid.moving_area(1.0, 0.3) == 64 * 64
    assert grid.moving_area(1.3, 0.3) == 0


def test_only_changed_tiles_are_touched() -> None:
    grid = TileGrid(128, 128)
    whole = Rect(0, 0, 128, 128)
    for now in (0.0, 0.1):
        grid.touch(whole, now, np.array([[True, False], [False, False]]))
    assert grid.hot(whole, now).tolist() == [[True, False], [False, False]]


def test_what_keeps_changing_rests_later() -> None:
    grid = TileGrid(64, 64)
    whole = Rect(0, 0, 64, 64)
    for frame in range(20):
        grid.touch(whole, frame / 4)
        grid.sent(whole, lossy=True)
        assert not grid.resting(frame / 4 + 0.24, 0.2).any() or frame < 3
    assert not grid.resting(19 / 4 + 0.5, 0.2).any()
    assert grid.resting(19 / 4 + REST + 0.01, 0.2).all()


def test_what_is_partly_exact_stays_lossy() -> None:
    grid = TileGrid(200, 100)
    grid.sent(Rect(0, 0, 64, 64), lossy=True)
    grid.sent(Rect(0, 0, 63, 64), lossy=False)
    assert grid.lossy_in(Rect(0, 0, 64, 64))


def test_copies_carry_losses_along() -> None:
    grid = TileGrid(256, 256)
    grid.sent(Rect(0, 0, 64, 64), lossy=True)
    grid.moved(Rect(0, 0, 64, 64), Rect(128, 128, 64, 64), 1.0)
    assert grid.lossy_in(Rect(128, 128, 64, 64))
