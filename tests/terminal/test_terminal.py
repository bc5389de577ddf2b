"""The terminal as a whole: settings while it runs, sizes, what it draws."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from guacr.display.geometry import Rect
from guacr.display.pixels import Array8
from guacr.errors import GuacrError
from terminal.engines.emulator import EngineError
from terminal.input.mouse import Button
from terminal.input.person import Person
from tests.terminal.desk import Desk


def picture(desk: Desk) -> Array8:
    """Red, green and blue of the text's pixels."""
    surface = desk.terminal.surface
    surface.take_damage()
    pixels = surface.pixels(Rect(0, 0, *surface.size))
    return pixels.bgrx().array[..., 2::-1]


def colours(desk: Desk) -> set[tuple[int, ...]]:
    red, green, blue = np.moveaxis(picture(desk).astype(np.uint32), 2, 0)
    packed = np.unique(red << 16 | green << 8 | blue).tolist()
    return {(colour >> 16, colour >> 8 & 255, colour & 255) for colour in packed}


def test_text_is_drawn_in_the_schemes_colours() -> None:
    desk = Desk(colour_scheme="foreground: #ff0000; background: #0000ff")
    desk.terminal.feed("\x1b[?25l████".encode())
    assert colours(desk) == {(255, 0, 0), (0, 0, 255)}


def test_a_scheme_changes_what_is_there() -> None:
    desk = Desk()
    desk.terminal.feed("\x1b[?25l\x1b[31m████".encode())
    assert colours(desk) == {(0x99, 0x3E, 0x3E), (0, 0, 0)}
    warnings = desk.terminal.set_colour_scheme("background: white; color1: green; nonsense")
    assert colours(desk) == {(0, 255, 0), (255, 255, 255)}
    assert len(warnings) == 1
    assert desk.terminal.scheme.colours.background == (255, 255, 255)


def test_resizing() -> None:
    desk = Desk()
    desk.show("x" * 60)
    desk.terminal.resize(430, 204)
    layout = desk.terminal.layout
    assert (layout.columns, layout.rows) == (40, 10)
    assert (desk.terminal.emulator.columns, desk.terminal.emulator.rows) == (40, 10)
    assert desk.terminal.surface.size == (400, 190)
    assert picture(desk).shape == (190, 400, 3)
    row = desk.terminal.emulator.row_at(0)
    assert row is not None
    assert row.wrapped


def test_at_rest_a_terminal_is_as_it_was() -> None:
    desk = Desk()
    desk.show("hello")
    before = picture(desk)
    desk.terminal.trim()
    assert np.array_equal(picture(desk), before)
    assert desk.terminal.emulator.update().rows == []
    desk.terminal.trim()
    assert desk.terminal.emulator.update().full


@pytest.mark.parametrize("size", [(1, 1), (17, 400), (8192, 30)])
def test_odd_windows(size: tuple[int, int]) -> None:
    desk = Desk(width=size[0], height=size[1])
    desk.show("hello", "世界")
    layout = desk.terminal.layout
    assert picture(desk).shape == (layout.text.height, layout.text.width, 3)
    assert (desk.terminal.emulator.columns, desk.terminal.emulator.rows) == (
        layout.columns,
        layout.rows,
    )
    desk.drag((0, 0), (3, 0))
    desk.wheel(up=True)
    desk.press("shift", "PageUp")
    desk.point(size[0] - 1, size[1] - 1, 1)
    desk.point(0, 0)


def test_another_font_size_gives_other_cells() -> None:
    desk = Desk()
    desk.show("hello")
    desk.terminal.set_font("monospace", 24)
    layout = desk.terminal.layout
    assert layout.cell_width > 15
    assert layout.columns < 60
    assert desk.terminal.emulator.columns == layout.columns
    assert desk.terminal.surface.size == (layout.text.width, layout.text.height)
    assert picture(desk).shape == (layout.text.height, layout.text.width, 3)
    assert (desk.terminal.font_name, desk.terminal.font_size) == ("monospace", 24)


def test_a_font_that_cannot_be_had_leaves_the_terminal_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    before = desk.terminal.layout

    def refuse(*arguments: object) -> None:
        raise GuacrError("no font")

    monkeypatch.setattr("terminal.terminal.atlas_for", refuse)
    with pytest.raises(GuacrError):
        desk.terminal.set_font("other", 30)
    assert (desk.terminal.font_name, desk.terminal.font_size) == ("monospace", 12)
    assert desk.terminal.layout == before


def test_higher_resolution_gives_larger_cells_and_margins() -> None:
    layout = Desk(width=2048, height=1536, dpi=192).terminal.layout
    assert layout.margin == 15
    assert 96 <= layout.columns <= 108


def test_titles_replies_and_clipboard_writes_are_told() -> None:
    desk = Desk()
    desk.terminal.feed(b"\x1b]2;a title\x07\x1b[6n\x1b]52;c;aGVsbG8=\x07\x1b]482204;7\x07")
    assert desk.titles == ["a title"]
    assert desk.replies == [b"\x1b[1;1R"]
    assert desk.written == [b"hello"]
    assert desk.commands == [(482204, "7")]


def test_two_persons_have_hands_of_their_own() -> None:
    desk = Desk()
    desk.show("hello")
    other = Person()
    desk.point(*desk.pixel(0, 0), 1)
    desk.point(300, 300, person=other)
    desk.point(*desk.pixel(4.9, 0), 1)
    assert not desk.copies
    desk.point(*desk.pixel(4.9, 0))
    assert desk.copies == ["hello"]
    assert other.buttons is Button.NONE


def test_a_closed_terminal_closes_again() -> None:
    desk = Desk()
    desk.show("hello")
    desk.drag((0, 0), (3, 0))
    desk.terminal.close()
    desk.terminal.close()
    with pytest.raises(EngineError, match="closed"):
        desk.terminal.emulator.feed(b"x")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_hands_and_hosts_do(seed: int) -> None:
    """Nothing raises, and what is shown as selected lies on the screen."""
    chance = random.Random(seed)
    desk = Desk(width=300, height=200, scrollback_rows=50)
    persons = [desk.person, Person()]
    terminal = desk.terminal
    snippets = [b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?1003h", b"\x1b[?1003l", b"\x1b[?1016h",
                b"\x1b[2J", b"\x1b[3J", b"\x1bc", b"\r\n" * 30, "日本 e\u0301 😀 ".encode(),
                b"http://a.b/c ", b"x" * 70, b"\x1b[>31u", b"\x1b[<u", b"\x1b[?2004h"]  # fmt: skip
    keys = [0xFF08, 0xFF0D, 0xFF50, 0xFF52, 0xFF55, 0xFFE1, 0xFFE3, 0xFFE9, 0xFE03, 0xFE51, 0x63,
            0x76, 0xFFBE, 0x0101F600, 0xFFFF, 0xFFB5]  # fmt: skip
    masks = [0, 1, 1, 1, 8, 31]
    actions: list[Callable[[Person], object]] = [
        lambda person: terminal.feed(chance.choice(snippets)),
        lambda person: terminal.feed(chance.randbytes(20)),
        lambda person: terminal.key(person, chance.choice(keys), chance.random() < 0.6),
        lambda person: desk.point(
            chance.randrange(-5, 400), chance.randrange(-5, 300), chance.choice(masks), person
        ),
        lambda person: terminal.pointing.autoscroll(person),
        lambda person: terminal.resize(chance.randrange(1, 500), chance.randrange(1, 300)),
        lambda person: terminal.surface.take_damage(),
    ]  # fmt: skip
    for _ in range(1500):
        chance.choices(actions, [4, 2, 4, 8, 1, 1, 1])[0](chance.choice(persons))
        screen = Rect(0, 0, terminal.emulator.columns, terminal.emulator.rows)
        assert all(screen.contains(rect) for rect in terminal.selection.rects())
        bar = terminal.pointing.scrollbar
        assert bar.hidden or bar.handle.height > 0
