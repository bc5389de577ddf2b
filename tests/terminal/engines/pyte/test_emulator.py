"""Features of both engines beyond the screen: scrollback, text, anchors, sizes, bounds."""

from __future__ import annotations

import random
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator

import pytest

from guacr.errors import UnsupportedError
from terminal.engines.available import engine
from terminal.engines.contents import (
    DIRECT_COLOUR,
    Colours,
    MouseFormat,
    MouseTracking,
    Position,
    Span,
    Style,
)
from terminal.engines.emulator import Emulator, EmulatorOptions, EngineError
from terminal.engines.pyte.commands import MAX_OSC_BYTES
from terminal.engines.pyte.emulator import PyteEmulator
from terminal.engines.pyte.pens import MAX_PALETTE
from terminal.engines.pyte.stream import MAX_SEQUENCE, MAX_STRING
from tests.terminal.conformance.case import ENGINES, open_engine, picture, screen_of
from tests.terminal.engine import COLOURS, Heard


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(params=ENGINES)
def emulator(request: pytest.FixtureRequest, heard: Heard) -> Iterator[Emulator]:
    emulator = open_engine(request.param, heard, 20, 5, scrollback=1000)
    yield emulator
    emulator.close()


@pytest.fixture
def pyte(heard: Heard) -> Iterator[Emulator]:
    emulator = open_engine("pyte", heard, 20, 5)
    yield emulator
    emulator.close()


def test_the_viewport_moves_through_the_scrollback(emulator: Emulator) -> None:
    emulator.feed(b"\r\n".join(b"line %d" % number for number in range(30)))
    assert emulator.scrollbar == (30, 25, 5)
    emulator.scroll_by(-3)
    assert screen_of(emulator)[0] == "line 22"
    emulator.feed(b"\r\nline 30")
    assert screen_of(emulator)[0] == "line 22"
    assert not emulator.update(full=True).cursor.visible
    emulator.scroll_to_top()
    assert screen_of(emulator)[0] == "line 0"
    emulator.scroll_to(10**9)
    assert emulator.scrollbar.at_bottom
    emulator.scroll_by(-(10**9))
    emulator.scroll_to_bottom()
    assert screen_of(emulator)[-1] == "line 30"


def test_an_update_after_scrolling_holds_the_rows_that_are_shown(pyte: Emulator) -> None:
    pyte.feed(b"\r\n".join(b"line %d" % number for number in range(30)))
    pyte.update()
    pyte.scroll_by(-2)
    update = pyte.update()
    assert len(update.rows) == 5
    assert picture(update).text[0][:7] == list("line 23")
    assert len(pyte.update().rows) == 0


@pytest.mark.parametrize(
    "content", [b"%d\r\n", b"\x1b[3%dmword\x1b[m\r\n", b"\x1b[4%dmlong line", b"x%d\r\r\n"]
)
def test_a_flood_looks_as_if_it_came_a_byte_at_a_time(pyte: Emulator, content: bytes) -> None:
    data = b"".join(content % (number % 8) for number in range(120))
    slow = open_engine("pyte", Heard(), 20, 5)
    pyte.feed(data)
    for index in range(len(data)):
        slow.feed(data[index : index + 1])
    assert picture(pyte.update(full=True)) == picture(slow.update(full=True))
    assert pyte.scrollbar == slow.scrollbar
    for row in range(pyte.scrollbar.total):
        assert pyte.row_at(row) == slow.row_at(row)
    pyte.scroll_by(-20)
    slow.scroll_by(-20)
    assert picture(pyte.update(full=True)) == picture(slow.update(full=True))
    slow.close()


def test_the_scrollback_is_bounded(pyte: Emulator) -> None:
    pyte.feed(b"".join(b"%d\r\n" % number for number in range(20_000)))
    assert 100 <= pyte.scrollbar.offset <= 400
    assert screen_of(pyte)[0] == "19996"
    pyte.set_scrollback(0)
    pyte.feed(b"\r\n" * 50)
    assert pyte.scrollbar == (5, 0, 5)


@pytest.mark.parametrize("columns", [1, 20, 1024])
def test_old_rows_keep_their_colours(heard: Heard, columns: int) -> None:
    emulator = open_engine("pyte", heard, columns, 2, scrollback=100_000)
    colours = range(3 * MAX_PALETTE)
    for colour in colours:
        emulator.feed(b"\x1b[38;2;0;%d;%dmx" % divmod(colour, 256))
    emulator.feed(b"\r\n")
    emulator.scroll_to_top()
    shown: list[Style] = []
    while len(shown) < len(colours):
        update = emulator.update(full=True)
        row = update.styles[0].tolist()
        shown += [update.style_table[number] for number in row][: len(colours) - len(shown)]
        emulator.scroll_by(1)
    assert [style.foreground for style in shown] == [DIRECT_COLOUR | colour for colour in colours]
    emulator.close()


def test_the_alternate_screen_has_no_scrollback(emulator: Emulator) -> None:
    emulator.feed(b"main\x1b[?1049h" + b"\r\nalt" * 50)
    assert (emulator.alternate_screen, emulator.scrollbar.offset) == (True, 0)
    emulator.feed(b"\x1b[?1049l")
    assert (emulator.alternate_screen, emulator.scrollbar.offset) == (False, 0)
    assert screen_of(emulator)[0] == "main"


def test_text_words_lines_and_links(emulator: Emulator) -> None:
    emulator.feed("see \x1b]8;;http://a.b/\x07here,漢\x1b]8;;\x07 and a wrapped row".encode())
    assert emulator.hyperlink_at(Position(4, 0)) == "http://a.b/"
    assert emulator.hyperlink_at(Position(0, 0)) is None
    assert emulator.word_at(Position(5, 0)) == Span(Position(4, 0), Position(7, 0))
    assert emulator.word_at(Position(5, 0), " ") == Span(Position(4, 0), Position(10, 0))
    assert emulator.word_at(Position(19, 3)) is None
    line = emulator.line_at(Position(5, 0))
    assert line is not None
    assert emulator.text(line) == "see here,漢 and a wrapped row"
    assert emulator.text(Span(Position(0, 0), Position(2, 1)), rectangle=True) == "see\napp"
    assert emulator.text(Span(Position(0, 0), Position(0, 99))) == ""


def test_an_anchor_follows_its_cell(emulator: Emulator) -> None:
    emulator.feed(b"0123456789abcdefX")
    anchor = emulator.anchor(Position(16, 0))
    assert anchor is not None
    emulator.feed(b"\r\n" * 20)
    assert anchor.position() == Position(16, 0)
    emulator.resize(10, 5, 10, 19)
    assert anchor.position() == Position(6, 1)
    anchor.close()
    assert anchor.position() is None
    assert emulator.anchor(Position(0, 9999)) is None


def test_an_anchor_follows_its_cell_after_a_reset_on_the_alternate_screen(
    pyte: Emulator,
) -> None:
    pyte.feed(b"\x1b[?1049h\x1bc\r\nhere")
    anchor = pyte.anchor(Position(0, 1))
    assert anchor is not None
    pyte.feed(b"\x1b[H\x1b[L")
    assert anchor.position() == Position(0, 2)
    anchor.close()


def test_an_anchor_is_lost_with_its_row(pyte: Emulator) -> None:
    pyte.feed(b"top\r\nmiddle")
    first, second = (pyte.anchor(Position(0, row)) for row in (0, 1))
    assert first is not None
    assert second is not None
    pyte.feed(b"\x1b[H\x1b[M")
    assert first.position() is None
    assert second.position() == Position(0, 0)
    pyte.feed(b"\x1b[5H" + b"\r\n" * 2000)
    assert second.position() is None


def test_resizing_wraps_long_lines_anew(emulator: Emulator) -> None:
    emulator.feed("0123456789abcdef\r\n\x1b[31m漢字漢字漢字漢字\x1b[m".encode())
    emulator.resize(9, 5, 10, 19)
    assert screen_of(emulator)[:4] == ("012345678", "9abcdef", "漢字漢字", "漢字漢字")
    emulator.resize(20, 5, 10, 19)
    assert screen_of(emulator)[:2] == ("0123456789abcdef", "漢字漢字漢字漢字")


def test_resizing_keeps_the_scrollback(emulator: Emulator) -> None:
    emulator.feed(b"".join(b"%04d a line of text\r\n" % number for number in range(200)))
    emulator.resize(10, 5, 10, 19)
    emulator.scroll_to_top()
    assert screen_of(emulator)[:2] == ("0000 a lin", "e of text")
    emulator.resize(20, 8, 10, 19)
    emulator.scroll_to_top()
    assert screen_of(emulator)[7] == "0007 a line of text"


def test_a_screen_of_one_row_keeps_wrapped_lines_together(emulator: Emulator) -> None:
    emulator.resize(20, 1, 10, 19)
    emulator.feed(b"x" * 30)
    row = emulator.row_at(emulator.scrollbar.offset - 1)
    assert row is not None
    assert row.wrapped


@pytest.mark.parametrize("asked", [(0, -3), (9999, 1025)])
def test_sizes_are_clamped(emulator: Emulator, asked: tuple[int, int]) -> None:
    emulator.resize(*asked, 10, 19)
    got = (1, 1) if asked[0] == 0 else (1024, 1024)
    assert (emulator.columns, emulator.rows) == got
    emulator.feed("a漢b\u0301c\r\n".encode() * 3)
    assert emulator.update().codes.shape == got[::-1]


@pytest.mark.parametrize("form", [kind for kind in MouseFormat if kind.value])
def test_mouse_modes(emulator: Emulator, form: MouseFormat) -> None:
    assert emulator.mouse_tracking is MouseTracking.NONE
    emulator.feed(b"\x1b[?1002;%dh" % form.value)
    assert (emulator.mouse_tracking, emulator.mouse_format) == (MouseTracking.DRAG, form)


def test_the_keyboard_is_as_the_host_asked(emulator: Emulator) -> None:
    emulator.feed(b"\x1b[>5u")
    assert emulator.kitty_keyboard == 5
    emulator.feed(b"\x1b[?1049h")
    assert emulator.kitty_keyboard == 0
    emulator.reset()
    assert emulator.kitty_keyboard == 0


def test_colours_follow_the_host_and_the_defaults(emulator: Emulator) -> None:
    emulator.feed(b"\x1b]4;1;#102030\x07\x1b]11;#405060\x07\x1b]12;#708090\x07")
    colours = emulator.update().colours
    assert colours.palette[3:6] == b"\x10\x20\x30"
    assert (colours.background, colours.cursor) == ((0x40, 0x50, 0x60), (0x70, 0x80, 0x90))
    emulator.set_colours(Colours((1, 1, 1), (2, 2, 2), None, bytes(768)))
    colours = emulator.update().colours
    assert (colours.foreground, colours.background) == ((1, 1, 1), (0x40, 0x50, 0x60))
    assert emulator.background == (0x40, 0x50, 0x60)


def test_events_reach_the_listener(emulator: Emulator, heard: Heard) -> None:
    emulator.feed(b"\x07\x1b]2;\xc3\xa9\x07\x1b]52;c;aGVsbG8=\x07\x1b]482200;/a;b\x1b\\")
    assert heard == Heard(titles=["é"], bells=1, clipboards=[b"hello"], oscs=[(482200, "/a;b")])


@pytest.mark.parametrize("surplus", [0, 1])
def test_clipboard_writes_are_bounded(emulator: Emulator, heard: Heard, surplus: int) -> None:
    data = b"a" * (EmulatorOptions(colours=COLOURS).clipboard_bytes + surplus)
    emulator.feed(b"\x1b]52;c;" + b64encode(data) + b"\x07ok")
    assert heard.clipboards == ([] if surplus else [data])
    assert screen_of(emulator)[0] == "ok"


@pytest.mark.parametrize("surplus", [0, 1])
def test_unknown_commands_are_bounded(pyte: Emulator, heard: Heard, surplus: int) -> None:
    text = "a" * (MAX_OSC_BYTES - len("482202;") + surplus)
    pyte.feed(f"\x1b]482202;{text}\x07ok".encode())
    assert heard.oscs == ([] if surplus else [(482202, text)])
    assert screen_of(pyte)[0] == "ok"


def test_strings_and_sequences_without_end_are_dropped(pyte: Emulator, heard: Heard) -> None:
    for _ in range(MAX_STRING // 65_536 + 2):
        pyte.feed(b"\x1b]2;" + b"t" * 65_536 if not heard.titles else b"t" * 65_536)
        heard.titles = ["seen"]
    pyte.feed(b"\x07ok")
    assert heard.titles == ["seen"]
    assert screen_of(pyte)[0] == "ok"
    pyte.feed(b"\r\x1b[" + b"1" * (MAX_SEQUENCE + 10))
    pyte.feed(b"fine")
    assert screen_of(pyte)[0] == "fine"


def test_what_a_listener_raises_comes_out_of_feed_once() -> None:
    class Broken(Heard):
        def bell(self) -> None:
            raise LookupError("no bell")

    emulator = open_engine("pyte", Broken(), 20, 5)
    with pytest.raises(LookupError, match="no bell"):
        emulator.feed(b"a\x07b\x07c")
    assert screen_of(emulator)[0] == "abc"
    emulator.feed(b"d")
    emulator.close()


def test_random_bytes_do_no_harm(pyte: Emulator) -> None:
    source = random.Random(7)
    pieces = [b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b\\", b"\x07", b";", b"?", b"\r\n", b"m", b"H"]
    for round_number in range(300):
        pyte.feed(b"".join(source.choice([source.choice(pieces), source.randbytes(6)])
                           for _ in range(30)))  # fmt: skip
        if round_number % 10 == 0:
            pyte.resize(source.randint(1, 30), source.randint(1, 9), 10, 19)
            pyte.set_scrollback(source.choice([0, 3, 200]))
        pyte.scroll_by(source.randint(-9, 9))
        update = pyte.update()
        assert update.styles.size == 0 or update.styles.max() < len(update.style_table)
        assert pyte.text(Span(Position(0, 0), Position(9, 3))) is not None


def test_styles_beyond_the_bound_start_numbering_anew(
    monkeypatch: pytest.MonkeyPatch, pyte: Emulator
) -> None:
    monkeypatch.setattr("terminal.engines.pyte.update.MAX_STYLES", 8)
    monkeypatch.setattr("terminal.engines.pyte.pens.MAX_PENS", 8)
    for number in range(30):
        pyte.feed(b"\x1b[H\x1b[38;5;%dmx" % number)
        update = pyte.update()
        assert update.style_table[update.styles[0, 0]].foreground == number
        assert len(update.style_table) <= 9


def test_a_closed_engine_says_so(pyte: Emulator) -> None:
    pyte.close()
    with pytest.raises(EngineError, match="closed"):
        pyte.feed(b"x")


def test_resting_costs_a_full_update(pyte: Emulator) -> None:
    pyte.feed(b"text")
    pyte.update()
    pyte.trim()
    assert pyte.pack()
    assert pyte.update().full


def test_engines_by_name() -> None:
    assert engine("pyte") is PyteEmulator
    assert engine("auto") is not PyteEmulator
    with pytest.raises(UnsupportedError, match="terminal engine vt is unknown"):
        engine("vt")


def test_without_libghostty_auto_is_pyte() -> None:
    program = (
        "import sys; sys.modules['pyghostty'] = None\n"
        "from terminal.engines.available import engine\n"
        "import terminal.terminal, terminal.drawing.colours\n"
        "print(engine().__name__)\n"
        "try: engine('ghostty')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.splitlines()[0] == "PyteEmulator"
    assert "install pyghostty" in done.stdout
