"""The card itself: its parts keep to their places, and any size can be drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from guacr.budget import Budget
from guacr.display.geometry import Rect
from guacr.errors import OverrunError
from handlers.lettering import Lettering
from handlers.testcard.card import Card
from handlers.testcard.keys import describe_buttons, describe_key
from handlers.testcard.layout import Layout
from handlers.testcard.params import TestcardParams as CardParams
from handlers.testcard.picture import BARS, GROUND, PANEL

MOVING = ("scrolling_text", "moving_window", "noise", "clock")
RESTING = ("colour_bars", "geometry", "still_text")
_OFF: dict[str, Any] = dict.fromkeys((*MOVING, *RESTING), False)
NOTHING = CardParams(**_OFF)
LAYOUT = Layout(1024, 768)


def only(name: str) -> CardParams:
    """One part alone."""
    part: dict[str, Any] = {name: True}
    return replace(NOTHING, **part)


def changed(card: Card) -> list[Rect]:
    """Return the areas in which a viewer's picture has changed since the last call."""
    damage = card.surface.take_damage()
    targets = [Rect(c.x, c.y, c.source.width, c.source.height) for c in damage.copies]
    return targets + damage.rects


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("scrolling_text", LAYOUT.scroller),
        ("moving_window", LAYOUT.lane),
        ("noise", LAYOUT.video),
        ("clock", LAYOUT.clock),
    ],
)
def test_a_moving_part_moves_in_its_place(name: str, place: Rect) -> None:
    card = Card(1024, 768, only(name))
    card.advance(0.0)
    changed(card)
    for picture in range(1, 80):
        card.advance(picture / 7)
        rects = changed(card)
        assert rects
        assert all(place.contains(rect) for rect in rects)


@pytest.mark.parametrize("motion", ["scroll", "photo", "noise"])
def test_what_moves_as_a_whole_is_part_of_the_budget(motion: str) -> None:
    params = CardParams(motion=motion)
    with pytest.raises(OverrunError, match="a picture that moves as a whole"):
        Card(300, 200, params, Budget(300 * 200 * 12 + 1000, "session.max_memory"))
    memory = Budget(1 << 30, "session.max_memory")
    card = Card(300, 200, params, memory)
    assert memory.used >= 2 * 300 * 200 * 4
    del card
    assert memory.used == 0


def test_with_all_parts_off_nothing_moves() -> None:
    card = Card(1024, 768, NOTHING)
    changed(card)
    card.advance(1.0)
    assert changed(card) == []


@pytest.mark.parametrize(
    ("name", "place", "empty"),
    [
        ("colour_bars", LAYOUT.bars, GROUND),
        ("geometry", LAYOUT.zone_plate, GROUND),
        ("still_text", LAYOUT.still, GROUND),
    ],
)
def test_a_resting_part_is_there_or_not(
    name: str, place: Rect, empty: tuple[int, int, int]
) -> None:
    def share_of_ground(params: CardParams) -> float:
        pixels = Card(1024, 768, params).surface.pixels(place).bgrx().array
        return float((pixels[..., 2::-1] == empty).all(axis=2).mean())

    assert share_of_ground(NOTHING) > 0.8
    assert share_of_ground(only(name)) < 0.2


def test_the_bars_have_their_colours() -> None:
    pixels = Card(1024, 768, NOTHING).surface.array
    assert not np.array_equal(pixels[100, 100, 2::-1], BARS[0])
    pixels = Card(1024, 768, CardParams()).surface.array
    bars = LAYOUT.bars
    middles = [bars.x + bars.width * (2 * n + 1) // 16 for n in range(8)]
    assert [tuple(pixels[bars.y + 5, x, 2::-1].tolist()) for x in middles] == list(BARS)


def test_fine_lines_are_single_pixels() -> None:
    place = LAYOUT.gratings
    row = Card(1024, 768, CardParams()).surface.array[place.y + 1, place.x : place.x + 40, 0]
    assert row.tolist() == [0, 255] * 20


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 3), (40, 30), (320, 240), (64, 2000), (8192, 60), (1920, 1080)]
)
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    card = Card(*size, CardParams())
    for picture in range(5):
        card.advance(picture / 3)
    card.panel.add(card.surface, "text")
    card.panel.show_pointer(card.surface, 0, 0, 31)
    assert card.surface.size == size
    assert card.surface.array.any()


def test_a_jump_in_time_leaves_a_whole_picture() -> None:
    quiet = replace(CardParams(), noise=False, clock=False)
    steady, late = Card(800, 600, quiet), Card(800, 600, quiet)
    for picture in range(2001):
        steady.advance(picture / 100)
    for seconds in (0.0, 0.03, 17.3, 20.0):
        late.advance(seconds)
    assert np.array_equal(steady.surface.array, late.surface.array)


def test_the_newest_line_is_at_the_bottom() -> None:
    card = Card(1024, 768, NOTHING)
    place = LAYOUT.input

    def written() -> list[bool]:
        pixels = card.surface.pixels(place).bgrx().array[..., 2::-1]
        return [bool(row.any()) for row in pixels != PANEL]

    assert not any(written())
    card.panel.add(card.surface, "first")
    first = written()
    assert any(first[-30:])
    assert not any(first[:-30])
    card.panel.add(card.surface, "")
    height = Lettering(LAYOUT.letters(0.76)).height
    assert written()[: -height - 8] == first[height:-8]


def test_endless_text_and_control_characters_are_one_line() -> None:
    letters = Lettering(13)
    plain = letters.line("a·b" + "x" * 2000, 300, (255, 255, 255), (0, 0, 0))
    wild = letters.line("a\nb" + "x" * 2000, 300, (255, 255, 255), (0, 0, 0))
    assert plain.shape == (letters.height, 300, 4)
    assert np.array_equal(plain, wild)


@pytest.mark.parametrize(
    ("keysym", "text"),
    [
        (0x61, "a  LATIN SMALL LETTER A"),
        (0x0100_0000 + 0x1F600, "😀  GRINNING FACE"),
        (0xFF0D, "Return"),
        (0xFFC9, "F12"),
        (0xFFE1, "Shift_L"),
        (0x12345, "unknown key"),
        (-5, "unknown key"),
        (10**19, "unknown key"),
    ],
)
def test_keys_have_names(keysym: int, text: str) -> None:
    assert describe_key(keysym) == text


def test_buttons_have_names() -> None:
    assert describe_buttons(0) == "none"
    assert describe_buttons(1 | 4 | 16) == "left, right, wheel down"
