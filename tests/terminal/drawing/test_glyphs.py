"""Characters drawn with fonts."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFont

from guacr.display.pixels import Array8
from terminal.drawing.fonts import Face, FontFamily, FontFile, FontsError, find_family
from terminal.drawing.glyphs import EMOJI_COLOURS, GlyphPainter


@pytest.fixture
def painter() -> GlyphPainter:
    return GlyphPainter(find_family("monospace"), 16)


def test_a_cell_at_12_points_and_96_dpi_is_as_guacd_has_it(painter: GlyphPainter) -> None:
    assert (painter.metrics.width, painter.metrics.height) == (10, 19)


@pytest.mark.parametrize("pixels", [13, 16, 19, 24, 32, 48])
@pytest.mark.parametrize("face", range(4))
@pytest.mark.parametrize("family", ["monospace", "DejaVu Serif"])
def test_no_letter_is_clipped(family: str, pixels: int, face: int) -> None:
    """With room around, a letter is as high, and has hardly more ink if it is no wider than its
    cell; otherwise it fills the cell."""
    painter = GlyphPainter(find_family(family), pixels)
    width = painter.metrics.width
    for character in "AgjpqyÅÇ|{}WŵſďľŉĦŁ":
        tight = painter.draw(character, Face(face), 1)
        roomy = painter.draw(character, Face(face), 3)
        assert abs(extent(tight, 1) - extent(roomy, 1)) <= 1, character
        if extent(roomy, 0) <= width:
            assert tight.astype(int).sum() >= 0.95 * roomy.astype(int).sum() > 0, character
        else:
            assert extent(tight, 0) >= width - 1, character


def extent(picture: Array8, axis: int) -> int:
    """Return the number of columns (0) or rows (1) from the first to the last that are drawn on."""
    drawn = np.flatnonzero(picture.max(axis=axis) >= 100)
    return int(drawn[-1] - drawn[0]) + 1


@pytest.mark.parametrize("character", ["漢", "字", "한", "Ｗ"])
def test_wide_characters_fill_two_cells(painter: GlyphPainter, character: str) -> None:
    picture = painter.draw(character, Face.REGULAR, 2)
    assert picture.shape == (19, 20)
    assert picture[:, :10].any()
    assert picture[:, 10:].any()


@pytest.mark.parametrize("shaped", [True, False])
@pytest.mark.parametrize("pixels", [16, 27])
@pytest.mark.parametrize("text", ["ກຳ", "ｶﾞ", "ﾊﾟ", "لا"])
def test_letters_of_a_cluster_are_not_drawn_over_each_other(
    monkeypatch: pytest.MonkeyPatch, text: str, pixels: int, shaped: bool
) -> None:
    if not shaped:
        monkeypatch.setattr("terminal.drawing.glyphs._SHAPED", ImageFont.Layout.BASIC)
    painter = GlyphPainter(find_family("monospace"), pixels)
    picture = painter.draw(text, Face.REGULAR, 2)
    first, second = (painter.draw(char, Face.REGULAR, 1) for char in text)
    assert picture.shape == (painter.metrics.height, 2 * painter.metrics.width)
    assert picture[:, : painter.metrics.width].any()
    assert picture[:, painter.metrics.width :].any()
    if text != "لا" or not shaped:  # which are one glyph then
        assert extent(picture, 0) > max(extent(first, 0), extent(second, 0)) + 1
        assert ink(picture) >= 0.85 * (ink(first) + ink(second))


def ink(picture: Array8) -> int:
    return int(picture.astype(int).sum())


def test_emoji_are_coloured_and_of_few_colours(painter: GlyphPainter) -> None:
    for text in ("\U0001f600", "❤\ufe0f", "\U0001f1e8\U0001f1e6"):
        picture = painter.draw(text, Face.REGULAR, 2)
        assert picture.shape == (19, 20, 4)
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) <= EMOJI_COLOURS
        assert picture[..., 3].any()
        assert np.ptp(picture[..., :3][picture[..., 3] > 0].astype(int), axis=1).max() > 50


def test_text_presentation_is_not_coloured(painter: GlyphPainter) -> None:
    assert painter.draw("☎", Face.REGULAR, 1).ndim == 2
    assert painter.draw("❤\ufe0e", Face.REGULAR, 2).ndim == 2


def test_a_mark_that_the_letters_font_lacks_is_taken_from_another_or_left_out(
    painter: GlyphPainter,
) -> None:
    family = find_family("monospace")
    own = family.candidates(ord("x"), Face.REGULAR, False)[0]
    others = [code for code in range(0x300, 0x370) if not own.may_cover(code)]
    foreign = [c for c in others if family.candidates(c, Face.REGULAR, False)]
    plain = painter.draw("x", Face.REGULAR, 1)
    drawn = [painter.draw("x" + chr(code), Face.REGULAR, 1) for code in foreign]
    assert all((marked >= plain).all() for marked in drawn)
    assert sum((marked > plain).any() for marked in drawn) >= len(foreign) * 0.9
    marks = range(0x1AB0, 0x1E00)
    missing = next(c for c in marks if not family.candidates(c, Face.REGULAR, False))
    assert (painter.draw("x" + chr(missing), Face.REGULAR, 1) == plain).all()


@pytest.mark.parametrize("character", "␉␊␋␌␍␤\ue0a0\ue0a1\ue0a2\ue0a3")
@pytest.mark.parametrize("pixels", [8, 16, 48])
def test_symbols_that_few_fonts_have_are_no_boxes(character: str, pixels: int) -> None:
    painter = GlyphPainter(find_family("monospace"), pixels)
    picture = painter.draw(character, Face.REGULAR, 1)
    box = painter.draw("\U000ffffd", Face.REGULAR, 1)
    assert picture.any()
    assert (picture != box).any()


def test_marks_stand_on_their_letter(painter: GlyphPainter) -> None:
    plain = painter.draw("x", Face.REGULAR, 1)
    marked = painter.draw("x\u0301\u0323", Face.REGULAR, 1)
    assert (marked >= plain).all()
    assert marked[:6].any()
    assert not plain[:6].any()
    composed = painter.draw("\u00e9", Face.REGULAR, 1)
    assert np.array_equal(painter.draw("e\u0301", Face.REGULAR, 1), composed)


def test_what_no_font_has_is_a_box_or_nothing(painter: GlyphPainter) -> None:
    assert painter.draw("\U000e0fff", Face.REGULAR, 1).any()
    assert not painter.draw("\u200b", Face.REGULAR, 1).any()
    assert painter.draw("\ud800", Face.REGULAR, 1).any()


def test_faces_that_a_family_lacks_are_made(tmp_path: Path) -> None:
    path = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf"

    def file(**made: bool) -> tuple[FontFile, ...]:
        return (FontFile(path, 0, "DejaVu Sans Mono", None, **made),)

    faces = (file(), file(embolden=True), file(slant=True), file(embolden=True, slant=True))
    painter = GlyphPainter(FontFamily("x", faces), 16)
    regular, bold, italic = (painter.draw("I", Face(face), 1) for face in range(3))
    assert bold.astype(int).sum() > regular.astype(int).sum()
    assert not np.array_equal(italic, regular)


def test_a_font_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "broken.ttf"
    path.write_bytes(os.urandom(100))
    broken = (FontFile(str(path), 0, "Broken", None),)
    with pytest.raises(FontsError, match="cannot be read; choose a different font"):
        GlyphPainter(FontFamily("Broken", (broken,) * 4), 16)
