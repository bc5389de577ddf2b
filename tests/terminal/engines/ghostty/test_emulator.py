"""The engine on libghostty: cells, events, modes, scrollback, text."""

from __future__ import annotations

import gc
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal.engines.contents import (
    CLUSTER_BASE,
    DEFAULT_COLOUR,
    DIRECT_COLOUR,
    Attributes,
    Colours,
    CursorShape,
    MouseFormat,
    MouseTracking,
    Position,
    ScreenUpdate,
    Span,
    Style,
    Underline,
    Width,
)
from terminal.engines.emulator import EmulatorOptions, EngineError
from terminal.engines.ghostty import library, reader
from terminal.engines.ghostty.emulator import GhosttyEmulator
from terminal.engines.ghostty.events import MAX_OSC_BYTES
from tests.terminal.engine import COLOURS, Heard, lines, start


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def emulator(heard: Heard) -> Iterator[GhosttyEmulator]:
    emulator = start(heard=heard, answerback=b"guacr here")
    yield emulator
    emulator.close()


def test_cells_hold_codes_widths_and_styles(emulator: GhosttyEmulator) -> None:
    emulator.feed("A\x1b[31mé漢\x1b[m!".encode())
    update = emulator.update()
    assert update.full
    assert update.rows == [0, 1, 2, 3, 4]
    assert update.codes[0, :5].tolist() == [ord("A"), ord("é"), ord("漢"), 0, ord("!")]
    assert update.widths[0, :5].tolist() == [0, 0, Width.WIDE, Width.SPACER, 0]
    red = update.styles[0, 1]
    assert update.style_table[red] == Style(foreground=1)
    assert update.styles[0, :5].tolist() == [0, red, red, red, 0]
    assert update.style_table[0] == Style()


def test_every_attribute_reaches_the_style(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\x1b[1;2;3;5;7;8;9;53;4:3;38;5;200;48:2::1:2:3;58:5:9mx")
    update = emulator.update()
    assert update.style_table[update.styles[0, 0]] == Style(
        foreground=200,
        background=DIRECT_COLOUR | 0x010203,
        underline_colour=9,
        attributes=Attributes(0xFF),
        underline=Underline.CURLY,
    )


@pytest.mark.parametrize("number", range(1, 6))
def test_underline_styles(emulator: GhosttyEmulator, number: int) -> None:
    emulator.feed(b"\x1b[4:%dmx" % number)
    update = emulator.update()
    assert update.style_table[update.styles[0, 0]].underline is Underline(number)


def test_cells_erased_in_a_colour_hold_it_as_their_style(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\x1b[44m\x1b[K\r\n\x1b[48;2;1;2;3m\x1b[K")
    update = emulator.update()
    styles = [update.style_table[number] for number in update.styles[:3, 7].tolist()]
    assert styles == [Style(background=4), Style(background=DIRECT_COLOUR | 0x010203), Style()]
    assert not update.codes.any()


@pytest.mark.parametrize("channel", range(3))
def test_every_direct_background_of_erased_cells(emulator: GhosttyEmulator, channel: int) -> None:
    for value in range(256):
        rgb = [0, 0, 0]
        rgb[channel] = value
        emulator.feed(b"\x1b[48;2;%d;%d;%dm\x1b[2J" % tuple(rgb))
        update = emulator.update()
        wanted = DIRECT_COLOUR | rgb[0] << 16 | rgb[1] << 8 | rgb[2]
        assert update.style_table[update.styles[0, 0]].background == wanted


def test_every_colour_of_the_palette(emulator: GhosttyEmulator) -> None:
    for number in range(256):
        emulator.feed(b"\x1b[0;48;5;%dm\x1b[2J\x1b[H\x1b[38;5;%d;58;5;%d;4mx" % ((number,) * 3))
        update = emulator.update(full=True)
        erased, written = (update.style_table[update.styles[0, column]] for column in (1, 0))
        assert erased == Style(background=number)
        assert written == Style(number, number, number, underline=Underline.SINGLE)


def test_every_bit_of_direct_colours(emulator: GhosttyEmulator) -> None:
    for bit in range(24):
        rgb = tuple(1 << bit >> shift & 0xFF for shift in (16, 8, 0))
        emulator.feed(b"\x1b[H\x1b[38;2;%d;%d;%d;48;2;%d;%d;%d;58;2;%d;%d;%d;4mx" % (rgb * 3))
        update = emulator.update(full=True)
        colour = DIRECT_COLOUR | 1 << bit
        assert update.style_table[update.styles[0, 0]][:3] == (colour, colour, colour)


def test_a_cluster_has_a_direct_background(emulator: GhosttyEmulator) -> None:
    emulator.feed("\x1b[48;2;0;43;254me\u0301漢\u0301".encode())
    update = emulator.update(full=True)
    styles = {update.style_table[number].background for number in update.styles[0, :3].tolist()}
    assert styles == {DIRECT_COLOUR | 0x002BFE}
    assert update.widths[0, :3].tolist() == [Width.NARROW, Width.WIDE, Width.SPACER]
    assert update.cluster_table[-1] == "漢\u0301"


@pytest.mark.parametrize("name", ["CODE_MASK", "COLOUR_MASK", "STYLE_MASK", "WIDTH_MASK"])
def test_another_layout_of_cells_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(library, name, getattr(library, name) << 1 | 1)
    with pytest.raises(EngineError, match="different cell layout"):
        library._check_layout()


def test_declarations_are_not_parsed_again_for_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pycparser.c_parser.CParser.parse")
    assert library.ffi.typeof("GhosttyStyle**").kind == "pointer"


def test_clusters_are_one_cell_each(emulator: GhosttyEmulator) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    emulator.feed(f"\x1b[?2027ha\u0301\u0323{family}x".encode())
    update = emulator.update()
    numbers = update.codes[0, [0, 1]] - CLUSTER_BASE
    assert [update.cluster_table[number] for number in numbers] == ["a\u0301\u0323", family]
    assert update.widths[0, :4].tolist() == [0, Width.WIDE, Width.SPACER, 0]
    assert update.codes[0, 3] == ord("x")


@pytest.mark.parametrize("clusters", [False, True])
@pytest.mark.parametrize("first", ["e", "e\u0301", "漢"])
def test_a_mark_that_comes_later_is_an_update(
    emulator: GhosttyEmulator, first: str, clusters: bool
) -> None:
    emulator.feed(b"\x1b[?2027h" if clusters else b"")
    emulator.feed(first.encode())
    emulator.update()
    emulator.feed("\u0302".encode())
    update = emulator.update()
    assert update.rows[0] == 0
    assert update.cluster_table[update.codes[0, 0] - CLUSTER_BASE] == f"{first}\u0302"
    assert emulator.update().rows == []


def test_updates_hold_what_changed_alone(emulator: GhosttyEmulator) -> None:
    emulator.update()
    assert len(emulator.update().rows) == 0
    emulator.feed(b"\x1b[3;4Hx")
    update = emulator.update()
    assert not update.full
    assert 2 in update.rows
    assert len(update.rows) < 5
    assert update.codes[update.rows.index(2), 3] == ord("x")
    assert emulator.update(full=True).rows == [0, 1, 2, 3, 4]


def test_the_same_style_number_in_two_pages_is_two_styles() -> None:
    emulator = start(80, 600, scrollback_rows=10)
    emulator.feed(b"".join(b"\r\n\x1b[38;2;0;%d;%dmx" % divmod(row, 256) for row in range(2000)))
    update = emulator.update()
    drawn = [update.style_table[number].foreground for number in update.styles[:, 0].tolist()]
    assert drawn == [DIRECT_COLOUR | row for row in range(1400, 2000)]
    emulator.close()


def test_styles_beyond_the_bound_start_numbering_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terminal.engines.ghostty.cells.MAX_STYLES", 8)
    emulator = start()
    emulator.update()
    for number in range(30):
        emulator.feed(b"\x1b[H\x1b[38;5;%dmx" % number)
        update = emulator.update()
        assert update.style_table[update.styles[0, 0]].foreground == number
        assert len(update.style_table) <= 9
    emulator.close()


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"\x1b[>c", b"\x1b[>1;379;0c"),
        (b"\x1b[=c", b"\x1bP!|00000000\x1b\\"),
        (b"\x1b[>q", b"\x1bP>|guacr\x1b\\"),
        (b"\x05", b"guacr here"),
        (b"\x1b[18t", b"\x1b[8;5;20t"),
        (b"\x1b[16t", b"\x1b[6;19;10t"),
        (b"\x1b[6n", b"\x1b[1;1R"),
        (b"\x1b[?996n", b"\x1b[?997;1n"),
        (b"\x1b]10;?\x07", b"\x1b]10;rgb:c8c8/c8c8/c8c8\x07"),
        (b"\x1b]11;?\x07", b"\x1b]11;rgb:0000/0000/2828\x07"),
        (b"\x1b]4;2;?\x07", b"\x1b]4;2;rgb:0202/0e0e/3e3e\x07"),
        (b"\x1b[?2027$p", b"\x1b[?2027;2$y"),
        (b"\x1b_Gi=1,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\", b"\x1b_Gi=1;OK\x1b\\"),
    ],
)
def test_queries_are_answered(
    emulator: GhosttyEmulator, heard: Heard, query: bytes, answer: bytes
) -> None:
    emulator.feed(query)
    assert heard.replies == answer


def test_events_reach_the_listener(emulator: GhosttyEmulator, heard: Heard) -> None:
    emulator.feed(b"\x07\x1b]2;\xc3\xa9 title\x07\x1b]52;c;aGVsbG8=\x07\x1b]482200;/a;b\x1b\\")
    assert heard == Heard(
        titles=["é title"], bells=1, clipboards=[b"hello"], oscs=[(482200, "/a;b")]
    )


@pytest.mark.parametrize("surplus", [0, 1])
def test_clipboard_writes_are_bounded(
    emulator: GhosttyEmulator, heard: Heard, surplus: int
) -> None:
    data = b"a" * (EmulatorOptions(colours=COLOURS).clipboard_bytes + surplus)
    emulator.feed(b"\x1b]52;c;" + b64encode(data) + b"\x07ok")
    assert heard.clipboards == ([] if surplus else [data])
    assert lines(emulator)[0] == "ok"


@pytest.mark.parametrize("surplus", [0, 1])
def test_unknown_commands_are_bounded(
    emulator: GhosttyEmulator, heard: Heard, surplus: int
) -> None:
    text = "a" * (MAX_OSC_BYTES - len("482202;") + surplus)
    emulator.feed(f"\x1b]482202;{text}\x07ok".encode())
    assert heard.oscs == ([] if surplus else [(482202, text)])
    assert lines(emulator)[0] == "ok"


def test_what_a_listener_raises_comes_out_of_feed_once() -> None:
    class Broken(Heard):
        def bell(self) -> None:
            raise LookupError("no bell")

    emulator = start(heard=Broken())
    with pytest.raises(LookupError, match="no bell"):
        emulator.feed(b"a\x07b\x07c")
    assert lines(emulator)[0] == "abc"
    emulator.feed(b"d")
    emulator.close()


def test_modes(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\x1b[?1;66;1004;2004;2026;2027h\x1b[4h")
    assert all(emulator.mode(number) for number in (1, 66, 1004, 2004, 2026, 2027))
    assert emulator.mode(4, ansi=True)
    assert not emulator.mode(4)
    assert not emulator.mode(31_999)
    emulator.reset()
    assert not emulator.mode(2004)
    assert not emulator.mode(2027)


@pytest.mark.parametrize("tracking", [kind for kind in MouseTracking if kind.value])
@pytest.mark.parametrize("form", [kind for kind in MouseFormat if kind.value])
def test_mouse_modes(emulator: GhosttyEmulator, tracking: MouseTracking, form: MouseFormat) -> None:
    assert emulator.mouse_tracking is MouseTracking.NONE
    assert emulator.mouse_format is MouseFormat.X10
    emulator.feed(b"\x1b[?%d;%dh" % (tracking.value, form.value))
    assert emulator.mouse_tracking is tracking
    assert emulator.mouse_format is form


@pytest.mark.parametrize(
    ("number", "shape", "blinking"),
    [
        (1, CursorShape.BLOCK, True),
        (2, CursorShape.BLOCK, False),
        (4, CursorShape.UNDERLINE, False),
        (5, CursorShape.BAR, True),
    ],
)
def test_cursor_shapes(
    emulator: GhosttyEmulator, number: int, shape: CursorShape, blinking: bool
) -> None:
    emulator.feed(b"\x1b[%d q\x1b[2;3H" % number)
    cursor = emulator.update().cursor
    assert (cursor.shape, cursor.blinking) == (shape, blinking)
    assert (cursor.visible, cursor.column, cursor.row) == (True, 2, 1)
    emulator.feed(b"\x1b[?25l")
    assert not emulator.update().cursor.visible


def test_colours_follow_the_host_and_the_defaults(emulator: GhosttyEmulator) -> None:
    assert emulator.update().colours == COLOURS
    emulator.feed(b"\x1b]4;1;#102030\x07\x1b]11;#405060\x07\x1b]12;#708090\x07")
    colours = emulator.update().colours
    assert colours.palette[3:6] == b"\x10\x20\x30"
    assert (colours.background, colours.cursor) == ((0x40, 0x50, 0x60), (0x70, 0x80, 0x90))
    emulator.set_colours(Colours((1, 1, 1), (2, 2, 2), None, bytes(768)))
    colours = emulator.update().colours
    assert colours.foreground == (1, 1, 1)
    assert (colours.background, colours.palette[3:9]) == ((0x40, 0x50, 0x60), b"\x10\x20\x30\0\0\0")


def test_the_viewport_moves_through_the_scrollback(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\r\n".join(b"line %d" % number for number in range(30)))
    assert emulator.scrollbar == (30, 25, 5)
    emulator.scroll_by(-3)
    assert lines(emulator)[0] == "line 22"
    assert emulator.scrollbar == (30, 22, 5)
    emulator.feed(b"\r\nline 30")
    assert lines(emulator)[0] == "line 22"
    emulator.scroll_to(7)
    assert lines(emulator)[0] == "line 7"
    emulator.scroll_to_top()
    assert lines(emulator)[0] == "line 0"
    emulator.scroll_by(10**9)
    assert emulator.scrollbar.at_bottom
    emulator.scroll_to(10**9)
    assert emulator.scrollbar.at_bottom
    emulator.scroll_by(-(10**9))
    assert emulator.scrollbar.offset == 0
    assert not emulator.update().cursor.visible
    emulator.scroll_to_bottom()
    assert lines(emulator)[-1] == "line 30"


@pytest.mark.parametrize("columns", [20, 80, 200])
@pytest.mark.parametrize("content", [b"%d\r\n", b"\x1b[3%dm\x1b[48;5;%dmword\x1b[m\r\n"])
def test_the_scrollback_keeps_what_was_asked_for(columns: int, content: bytes) -> None:
    emulator = start(columns, 24, scrollback_rows=1000)
    for number in range(20_000):
        emulator.feed(
            content % ((number,) if content.count(b"%") == 1 else (number % 8, number % 256))
        )
    assert 1000 <= emulator.scrollbar.offset <= 6000
    emulator.set_scrollback(0)
    emulator.feed(b"\r\n" * 5000)
    assert emulator.scrollbar.offset <= 600
    emulator.close()


def test_without_scrollback_nothing_is_kept() -> None:
    emulator = start(scrollback_rows=0)
    emulator.feed(b"\r\n" * 100)
    assert emulator.scrollbar == (5, 0, 5)
    emulator.close()


def test_the_alternate_screen_has_no_scrollback(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"main\x1b[?1049h" + b"\r\nalt" * 50)
    seen = [(emulator.alternate_screen, emulator.scrollbar.offset)]
    emulator.feed(b"\x1b[?1049l")
    seen.append((emulator.alternate_screen, emulator.scrollbar.offset))
    assert seen == [(True, 0), (False, 0)]
    assert lines(emulator)[0] == "main"


def test_text_joins_wrapped_rows_and_trims(emulator: GhosttyEmulator) -> None:
    emulator.feed("one  \r\nthis line is longer than a row\r\n漢字 end".encode())
    whole = Span(Position(0, 0), Position(19, 4))
    assert emulator.text(whole) == "one\nthis line is longer than a row\n漢字 end"
    assert emulator.text(Span(Position(3, 1), Position(5, 0))) == emulator.text(
        Span(Position(5, 0), Position(3, 1))
    )
    rectangle = Span(Position(0, 1), Position(3, 2))
    assert emulator.text(rectangle, rectangle=True) == "this\nthan"
    assert emulator.text(Span(Position(0, 0), Position(0, 99))) == ""


def test_rows_words_lines_and_links(emulator: GhosttyEmulator) -> None:
    emulator.feed("see \x1b]8;;http://a.b/\x07here,漢\x1b]8;;\x07 and a wrapped row".encode())
    row = emulator.row_at(0)
    assert row is not None
    assert row.wrapped
    assert row.cells[4:12] == ("h", "e", "r", "e", ",", "漢", "", " ")
    assert emulator.row_at(99) is None
    assert emulator.hyperlink_at(Position(4, 0)) == "http://a.b/"
    assert emulator.hyperlink_at(Position(0, 0)) is None
    assert emulator.hyperlink_at(Position(0, 99)) is None
    assert emulator.word_at(Position(5, 0)) == Span(Position(4, 0), Position(7, 0))
    assert emulator.word_at(Position(5, 0), " ") == Span(Position(4, 0), Position(10, 0))
    assert emulator.word_at(Position(19, 3)) is None
    line = emulator.line_at(Position(5, 0))
    assert line is not None
    assert emulator.text(line) == "see here,漢 and a wrapped row"


def test_an_anchor_follows_its_cell(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"0123456789abcdefX")
    anchor = emulator.anchor(Position(16, 0))
    assert anchor is not None
    emulator.feed(b"\r\n" * 20)
    assert anchor.position() == Position(16, 0)
    emulator.resize(10, 5, 10, 19)
    position = anchor.position()
    assert position == Position(6, 1)
    row = emulator.row_at(position.row)
    assert row is not None
    assert row.cells[6] == "X"
    anchor.close()
    anchor.close()
    assert anchor.position() is None
    assert emulator.anchor(Position(0, 9999)) is None


def test_resizing_wraps_long_lines_anew(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"0123456789abcdef")
    emulator.resize(10, 5, 10, 19)
    assert lines(emulator)[:2] == ["0123456789", "abcdef"]
    assert emulator.update().codes.shape == (5, 10)
    emulator.resize(20, 5, 10, 19)
    assert lines(emulator)[0] == "0123456789abcdef"


@pytest.mark.parametrize(("asked", "got"), [((0, -3), (1, 1)), ((9999, 1025), (1024, 1024))])
def test_sizes_are_clamped(
    emulator: GhosttyEmulator, asked: tuple[int, int], got: tuple[int, int]
) -> None:
    emulator.resize(*asked, 10, 19)
    assert (emulator.columns, emulator.rows) == got
    assert emulator.update().codes.shape == got[::-1]


SCREEN = (
    "\x1b[2J\x1b[H\x1b[1;31mred\x1b[m 漢字 \U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301"
    "\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\\r\n\x1b[38;2;1;2;3;4:3mcurly\x1b[0m\x1b[2;4r"
    "\x1b[4;1H\n\x1b[?1049hALT\x1b]0;title\x07\x1bP$qm\x1b\\\x1b[44m\x1b[K\x1b[10C\x1b[7mZ"
).encode()


def test_bytes_may_be_cut_anywhere() -> None:
    def screen(parts: list[bytes]) -> tuple[object, ...]:
        heard = Heard()
        emulator = start(heard=heard)
        for part in parts:
            emulator.feed(part)
        update = emulator.update()
        styles = [update.style_table[number] for number in update.styles.ravel().tolist()]
        clusters = list(update.cluster_table)
        emulator.close()
        return update.codes.tolist(), update.widths.tolist(), styles, clusters, update.cursor, heard

    whole = screen([SCREEN])
    for cut in range(len(SCREEN)):
        assert screen([SCREEN[:cut], SCREEN[cut:]]) == whole
    assert screen([SCREEN[at : at + 1] for at in range(len(SCREEN))]) == whole


def test_random_bytes_do_no_harm() -> None:
    source = random.Random(7)
    emulator = start(40, 12, scrollback_rows=100)
    pieces = [b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b_", b";", b"m", b"H", b"\x07", b"\x1b\\", b"\x9b"]
    for _ in range(1500):
        data = b"".join(
            source.choice([source.choice(pieces), source.randbytes(source.randint(1, 12))])
            for _ in range(30)
        )
        emulator.feed(data)
        if source.random() < 0.1:
            emulator.resize(source.randint(1, 120), source.randint(1, 50), 10, 19)
        update = emulator.update()
        assert int(update.styles.max(initial=0)) < len(update.style_table)
        clusters = update.codes[update.codes >= CLUSTER_BASE] - CLUSTER_BASE
        assert int(clusters.max(initial=0)) <= len(update.cluster_table)
    emulator.close()


LETTERS = ["a", "b", "é", "\b \b", "\x1b[1ma\x1b[m", "\x1b[C"]
SPECIAL = ["漢", "e\u0301", "\u0301", "👩\u200d🚀", "\b", "\r", "\x1b[K", "\x1b[44m\x1b[K"]
SPECIAL += ["\x1b[31m", "\x1b[4m", "\x1b[m", "\x1b[P", "\x1b[@", "\x1b[5X", "\n", "\x1b[A"]


@pytest.mark.parametrize("seed", range(8))
def test_what_is_typed_comes_as_few_cells_that_make_the_whole(seed: int) -> None:
    source = random.Random(seed)
    emulator, other = start(20, 4), start(20, 4)
    kept = emulator.update()
    codes, widths = kept.codes.copy(), kept.widths.copy()
    looks = [[kept.style_table[number] for number in row] for row in kept.styles.tolist()]
    narrow = 0
    for number in range(600):
        text = (
            "\x1b[2K"
            if not number % 30
            else source.choice(SPECIAL if number % 30 > 24 else LETTERS)
        )
        emulator.feed(text.encode())
        other.feed(text.encode())
        update, whole = emulator.update(), other.update(full=True)
        past = update.left + update.codes.shape[1]
        narrow += update.codes.shape[1] < emulator.columns and bool(update.rows)
        if update.rows:
            codes[update.rows, update.left : past] = text_codes(update)
            widths[update.rows, update.left : past] = update.widths
        for row, styles in zip(update.rows, update.styles.tolist(), strict=True):
            looks[row][update.left : past] = [update.style_table[number] for number in styles]
        assert codes.tolist() == text_codes(whole).tolist()
        assert widths.tolist() == whole.widths.tolist()
        assert looks == [[whole.style_table[n] for n in row] for row in whole.styles.tolist()]
        assert update.cursor == whole.cursor
    assert narrow > 50
    emulator.close()
    other.close()


def text_codes(update: ScreenUpdate) -> NDArray[np.uint32]:
    """Codes in which clusters stand for their text, not for a number of the update's own."""
    codes = update.codes.copy()
    for number, text in enumerate(update.cluster_table):
        codes[update.codes == CLUSTER_BASE + number] = CLUSTER_BASE + hash(text) % 1_000_000
    return codes


def test_at_rest_a_terminal_loses_nothing(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"".join(b"\x1b[3%dmline %d\r\n" % (n % 8, n) for n in range(900)))
    before = emulator.update(full=True)
    emulator.trim()
    while not emulator.pack():
        pass
    after = emulator.update()
    assert after.full
    assert np.array_equal(before.codes, after.codes)
    emulator.scroll_to_top()
    assert lines(emulator)[0].startswith("line ")


def test_of_many_terminals_those_that_changed_last_are_read_in_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reader, "READERS_MAX", 3)
    emulators = [start() for _ in range(4)]
    for emulator in emulators:
        emulator.update()
    for emulator in emulators:
        emulator.feed(b"x")
    first, second, third, fourth = (emulators[index].update() for index in (3, 0, 2, 1))
    assert [first.full, second.full, third.full, fourth.full] == [False, True, False, True]
    assert [update.codes[0, 0] for update in (first, second, third, fourth)] == [ord("x")] * 4
    for emulator in emulators:
        emulator.close()


def test_closing_twice_is_closing_once() -> None:
    emulator = start()
    emulator.close()
    emulator.close()
    with pytest.raises(EngineError, match="closed"):
        emulator.feed(b"x")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_thousand_terminals_leave_nothing_behind() -> None:
    def open_and_close(count: int) -> None:
        for number in range(count):
            emulator = start(80, 24)
            emulator.feed(SCREEN)
            emulator.update()
            anchor = emulator.anchor(Position(0, 0))
            if number % 2:
                assert anchor is not None
                anchor.close()
                emulator.close()
            elif anchor is not None:
                anchor.close()
        gc.collect()

    open_and_close(200)
    before = _resident()
    open_and_close(1000)
    assert _resident() - before < 4 << 20


def test_a_library_of_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "STYLE_SHIFT", 25)
    with pytest.raises(EngineError, match="install pyghostty"):
        library._check_layout()


def test_default_colours_are_no_palette_index() -> None:
    assert DEFAULT_COLOUR not in range(256)
    with pytest.raises(ValueError, match="256 colours"):
        Colours((0, 0, 0), (0, 0, 0), None, b"")


def test_a_closed_engine_says_so() -> None:
    emulator = start()
    emulator.update()
    emulator.close()
    emulator.close()
    uses: list[Callable[[], object]] = [
        lambda: emulator.feed(b"x"),
        emulator.update,
        emulator.pack,
        lambda: emulator.mode(1),
        lambda: emulator.scrollbar,
        lambda: emulator.row_at(0),
        lambda: emulator.anchor(Position(0, 0)),
        lambda: emulator.resize(10, 10, 1, 1),
    ]
    for use in uses:
        with pytest.raises(EngineError, match="closed"):
            use()


@pytest.mark.parametrize("pieces", [[b"\x1b[?40h", b"\x1b[?3h"], [b"\x1b[?40h\x1b[?3h"]])
def test_a_host_cannot_make_the_screen_wider(heard: Heard, pieces: list[bytes]) -> None:
    with closing(start(20, 5, heard)) as emulator:
        for data in pieces:
            emulator.feed(data)
        emulator.feed(b"x" * 25 + b"\x1b[?40$p\x1b[?3$p")
        assert lines(emulator)[:2] == ["x" * 20, "x" * 5]
        assert emulator.update().cursor.column == 5
        assert heard.replies == b"\x1b[?40;4$y\x1b[?3;4$y"


def test_the_background_of_a_reversed_screen_is_its_foreground() -> None:
    with closing(start()) as emulator:
        emulator.feed(b"\x1b[?5h")
        assert emulator.background == emulator.update().colours.background == COLOURS.foreground
        emulator.feed(b"\x1b[?5l")
        assert emulator.background == COLOURS.background


def test_the_background_is_the_one_that_holds() -> None:
    with closing(start()) as emulator:
        assert emulator.background == COLOURS.background
        emulator.feed(b"\x1b]11;#112233\x07")
        assert emulator.background == (0x11, 0x22, 0x33)
        emulator.feed(b"\x1b]111\x07")
        assert emulator.background == COLOURS.background


def test_a_program_reads_the_clipboard_only_if_it_may(
    emulator: GhosttyEmulator, heard: Heard
) -> None:
    emulator.feed(b"\x1b]52;c;?\x07")
    assert b"aGVsbG8=" not in heard.replies
    heard.clipboard = b"hello"
    emulator.feed(b"\x1b]52;c;?\x07")
    assert heard.replies.endswith(b"\x1b]52;c;aGVsbG8=\x07")


def test_the_cursor_can_be_left_out(emulator: GhosttyEmulator) -> None:
    before = emulator.revision
    emulator.show_cursor(False)
    assert emulator.revision > before
    assert not emulator.update().cursor.visible
    emulator.show_cursor(True)
    assert emulator.update().cursor.visible
