"""The glyph atlas: tiles and their numbers."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.drawing import atlas as atlas_module
from terminal.drawing.atlas import (
    BLANK,
    BOX,
    GlyphAtlas,
    GlyphSheet,
    Variant,
    atlas_for,
    font_pixels,
)
from terminal.drawing.decorations import Decoration, Shape
from terminal.drawing.fonts import Face, find_family
from terminal.drawing.glyphs import GlyphPainter
from terminal.engines.contents import Underline

PLAIN = Variant()


@pytest.fixture
def sheet() -> GlyphSheet:
    return GlyphSheet(GlyphPainter(find_family("monospace"), 16))


def glyphs(sheet: GlyphSheet, text: str, variant: Variant = PLAIN) -> list[int]:
    codes = np.array([ord(character) for character in text], np.uint32)
    found: NDArray[np.uint16] = sheet.glyphs(codes, np.full(len(text), variant.pack(), np.uint16))
    return found.tolist()  # type: ignore[no-any-return]


def test_variants_pack_and_unpack() -> None:
    packed = set()
    for face, underline, strike, overline, shape, half in itertools.product(
        range(4), Underline, (False, True), (False, True), Shape, range(3)
    ):
        variant = Variant(Face(face), Decoration(underline, strike, overline, shape), half)
        assert Variant.unpack(variant.pack()) == variant
        packed.add(variant.pack())
    assert len(packed) == 4 * 6 * 2 * 2 * 4 * 3
    assert Variant().pack() == 0


def test_a_character_has_one_glyph(sheet: GlyphSheet) -> None:
    first = glyphs(sheet, "abcab\0 ")
    assert first[:2] == first[3:5]
    assert first[5:] == [BLANK, BLANK]
    assert len(set(first)) == 4
    assert glyphs(sheet, "cba") == first[2::-1]


def test_faces_and_decorations_have_their_own(sheet: GlyphSheet) -> None:
    plain = sheet.tiles[glyphs(sheet, "a")[0]]
    variants = [
        Variant(Face.BOLD),
        Variant(Face.ITALIC),
        Variant(decoration=Decoration(strike=True)),
    ]
    for variant in variants:
        assert not np.array_equal(sheet.tiles[glyphs(sheet, "a", variant)[0]], plain)
    underlined = sheet.tiles[
        glyphs(sheet, "a", Variant(decoration=Decoration(Underline.SINGLE)))[0]
    ]
    assert (underlined >= plain).all()


def test_tiles_hold_sixteen_levels_marked_as_drawn(sheet: GlyphSheet) -> None:
    tile = sheet.tiles[glyphs(sheet, "@")[0]]
    assert all(value == 0 or value >= 0xF1 for value in tile.tolist())
    assert 0xFF in tile.tolist()


def test_the_halves_of_a_wide_character_make_the_whole(sheet: GlyphSheet) -> None:
    left, right = glyphs(sheet, "漢", Variant(half=1)) + glyphs(sheet, "漢", Variant(half=2))
    assert left != right
    assert sheet.wide[left]
    assert not sheet.wide[right]
    assert sheet.tiles[left].any()
    assert sheet.tiles[right].any()


def test_a_wide_character_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    draw = GlyphPainter.draw

    def noted(painter: GlyphPainter, text: str, face: Face, cells: int) -> NDArray[np.uint8]:
        drawn.append(text)
        return draw(painter, text, face, cells)

    monkeypatch.setattr(GlyphPainter, "draw", noted)
    sheet = GlyphSheet(GlyphPainter(find_family("monospace"), 16))
    halves = [Variant(half=half).pack() for half in (1, 2, 1, 2)]
    codes = np.array([ord(character) for character in "世世界界"], np.uint32)
    found = sheet.glyphs(codes, np.array(halves, np.uint16))
    assert len(set(found.tolist())) == 4
    assert sorted(drawn[1:]) == ["世", "界"]


def test_clusters_have_codes_of_their_own(sheet: GlyphSheet) -> None:
    code = sheet.cluster_code("x\u0323\u0301")
    assert sheet.cluster_code("x\u0323\u0301") == code
    assert sheet.cluster_code("y\u0323\u0301") != code
    found = sheet.glyphs(np.array([code], np.uint32), np.zeros(1, np.uint16))
    assert sheet.tiles[int(found[0])].any()


@pytest.mark.parametrize("bound", ["MAX_GLYPHS", "MAX_VARIANTS", "MAX_CLUSTERS"])
def test_at_a_bound_the_sheet_is_full(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(atlas_module, bound, 20)
    sheet = GlyphSheet(GlyphPainter(find_family("monospace"), 9))
    for number in range(30):
        code = sheet.cluster_code(f"x{chr(0x300 + number)}\u0323")
        variant = Variant(
            Face(number % 4), Decoration(Underline(number % 6), number > 15), number % 3
        )
        sheet.glyphs(np.array([code], np.uint32), np.array([variant.pack()], np.uint16))
    assert sheet.full
    assert glyphs(sheet, "\u2603", Variant(Face.BOLD, Decoration(shape=Shape.BAR)))[0] in (
        BOX,
        *range(2, 70),
    )


def test_coloured_glyphs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atlas_module, "MAX_COLOURED_BYTES", 190 * 4 * 3)
    sheet = GlyphSheet(GlyphPainter(find_family("monospace"), 16))
    found = glyphs(sheet, "\U0001f600\U0001f601\U0001f602", Variant(half=1))
    assert len(sheet.coloured) == 3
    assert sheet.full
    assert found[-1] == BOX


def test_terminals_with_one_font_share_an_atlas_while_they_live() -> None:
    atlas = atlas_for("monospace", 17)
    assert atlas_for("monospace", 17) is atlas
    assert atlas_for("monospace", 18) is not atlas
    atlas.sheet.cluster_code("ab")
    del atlas
    assert atlas_for("monospace", 17).sheet.cluster_code("cd") == 0x110000


def test_a_sheet_is_renewed_once() -> None:
    atlas = GlyphAtlas(GlyphPainter(find_family("monospace"), 12))
    first = atlas.sheet
    atlas.renew(first)
    second = atlas.sheet
    atlas.renew(first)
    assert atlas.sheet is second is not first


@pytest.mark.parametrize(
    ("points", "dpi", "pixels"), [(12, 96, 16), (10, 96, 13), (12, 192, 32), (0.1, 1, 1)]
)
def test_points_to_pixels(points: float, dpi: int, pixels: int) -> None:
    assert font_pixels(points, dpi) == pixels


def test_a_1024x768_screen_holds_what_guacd_shows() -> None:
    """99 columns by 39 rows: what is left of 1024x768 by guacd's margin of 2 mm and scroll bar."""
    metrics = atlas_for("monospace", font_pixels(12, 96)).metrics
    assert (990 // metrics.width, 741 // metrics.height) == (99, 39)
