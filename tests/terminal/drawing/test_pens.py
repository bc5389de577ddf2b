"""Styles resolved to colours."""

import numpy as np
import pytest

from terminal.drawing import pens
from terminal.drawing.atlas import Variant
from terminal.drawing.fonts import Face
from terminal.drawing.pens import PairTable, PenTable
from terminal.engines.contents import DIRECT_COLOUR, Attributes, Rgb, Style, Underline
from tests.terminal.engine import COLOURS

FRONT, BACK = COLOURS.foreground, COLOURS.background


def palette(number: int) -> Rgb:
    red, green, blue = COLOURS.palette[3 * number : 3 * number + 3]
    return red, green, blue


def resolve(style: Style) -> tuple[Rgb, Rgb]:
    pairs = PairTable()
    table = PenTable(COLOURS, pairs)
    table.resolve([style])
    return pairs[int(table.pairs[0])]


@pytest.mark.parametrize(
    ("style", "pair"),
    [
        (Style(), (FRONT, BACK)),
        (Style(foreground=1, background=200), (palette(1), palette(200))),
        (Style(foreground=DIRECT_COLOUR | 0x010203), ((1, 2, 3), BACK)),
        (Style(background=DIRECT_COLOUR), (FRONT, (0, 0, 0))),
        (Style(foreground=1, attributes=Attributes.BOLD), (palette(9), BACK)),
        (Style(foreground=9, attributes=Attributes.BOLD), (palette(9), BACK)),
        (Style(background=1, attributes=Attributes.BOLD), (FRONT, palette(1))),
        (Style(attributes=Attributes.BOLD), (FRONT, BACK)),
        (Style(attributes=Attributes.FAINT), ((100, 100, 120), BACK)),
        (Style(foreground=2, attributes=Attributes.INVERSE), (BACK, palette(2))),
        (Style(foreground=2, background=3, attributes=Attributes.INVISIBLE), (palette(3),) * 2),
    ],
)
def test_colours(style: Style, pair: tuple[Rgb, Rgb]) -> None:
    assert resolve(style) == pair


def test_bold_and_italic_are_faces() -> None:
    table = PenTable(COLOURS, PairTable())
    attributes = [Attributes(number) for number in range(4)]
    table.resolve([Style(attributes=attribute) for attribute in attributes])
    faces = [Variant.unpack(packed).face for packed in table.variants[:4].tolist()]
    assert faces == [Face.REGULAR, Face.BOLD, Face.ITALIC, Face.BOLD | Face.ITALIC]


def test_an_underline_in_its_own_colour_is_drawn_apart() -> None:
    pairs = PairTable()
    table = PenTable(COLOURS, pairs)
    table.resolve([Style(underline=Underline.CURLY)])
    apart = [table.has_underlines]
    assert Variant.unpack(int(table.variants[0])).decoration.underline is Underline.CURLY
    table.resolve([Style(), Style(underline=Underline.CURLY, underline_colour=5)])
    assert [*apart, table.has_underlines] == [False, True]
    assert not Variant.unpack(int(table.variants[1])).decoration.underline
    assert Variant.unpack(int(table.underlines[1])).decoration.underline is Underline.CURLY
    assert pairs[int(table.underline_pairs[1])] == (palette(5), BACK)


def test_many_styles_are_resolved_as_the_table_grows() -> None:
    pairs = PairTable()
    table = PenTable(COLOURS, pairs)
    styles = [Style(foreground=number) for number in range(256)]
    for count in (3, 100, 256):
        table.resolve(styles[:count])
    found = [pairs[number][0] for number in table.pairs[:256].tolist()]
    assert found == [palette(number) for number in range(256)]


def test_ramps_lead_from_the_background_to_the_foreground() -> None:
    pairs = PairTable()
    number = pairs.number((255, 0, 10), (0, 255, 10))
    ramp = pairs.ramps(np.array([number]))[0]
    assert ramp[0].tolist() == [0, 255, 10]
    assert ramp[-1].tolist() == [255, 0, 10]
    assert (np.diff(ramp[:, 0].astype(int)) == 17).all()


def test_pairs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pens, "MAX_PAIRS", 2)
    pairs = PairTable()
    full = []
    for grey in (1, 2):
        full.append(pairs.full)
        assert pairs.number((grey, grey, grey), (0, 0, 0)) == grey - 1
    assert [*full, pairs.full] == [False, False, True]
    assert pairs.number((3, 3, 3), (0, 0, 0)) == 0
    assert len(pairs) == 2
