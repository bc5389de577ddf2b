"""Programs may use every capability that the terminal type promises."""

from __future__ import annotations

import json
import re

import pytest

from terminal.engines.contents import Attributes, ScreenUpdate, Underline
from tests.terminal.conformance.case import ENGINES, open_engine, screen_of
from tests.terminal.engine import COLOURS, Heard
from tests.terminal.terminfo import capabilities

TYPES = ("linux", "xterm-256color", "xterm", "vt100", "vt220", "screen-256color",
         "tmux-256color", "rxvt-unicode-256color", "rxvt", "ansi")  # fmt: skip
ARGUMENTS = {
    **{name: [3] for name in ("cub", "cud", "cuf", "cuu", "dch", "dl", "ech", "ich", "il", "indn")},
    **{
        name: [3] for name in ("rin", "hpa", "vpa", "setaf", "setab", "setf", "setb", "Ss", "Smulx")
    },
    "sgr": [0] * 9,
    "cup": [2, 5],
    "csr": [1, 3],
    "initc": [1, 1000, 500, 0],
    "rep": [ord("x"), 4],
    "smglp": [2],
    "smgrp": [9],
    "smglr": [2, 9],
    "Setulc": [255],
}
_NO_OUTPUT = re.compile("acsc|if|lf[0-9]+|u[68]|xm|rv|xr")
"""Names of keys and files, answers, and what programs read."""
_PRINT_OR_HOLD = {"rep", "mc5", "S0", "tsl", "TS"}
_OTHER_LETTERS = re.compile("smacs|smpch|enacs|s[0-3]ds|sgr")


def _capabilities(terminal: str) -> dict[str, str]:
    return capabilities(terminal, json.dumps(ARGUMENTS))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("terminal", TYPES)
def test_no_capability_swallows_text_or_shows_itself(engine: str, terminal: str) -> None:
    found = _capabilities(terminal)
    assert len(found) > 20
    for name, sequence in found.items():
        if name in _PRINT_OR_HOLD or _NO_OUTPUT.fullmatch(name) or _OTHER_LETTERS.fullmatch(name):
            continue
        heard = Heard()
        emulator = open_engine(engine, heard)
        emulator.feed(f"\r\n\none{sequence}two\x1b[c".encode("latin-1"))
        text = "".join(screen_of(emulator))
        assert "two" in text, (name, sequence)
        assert set(text) <= set("onetw "), (name, sequence)
        assert heard.replies.endswith(b"c"), (name, sequence)
        emulator.close()


def _after(engine: str, data: str) -> tuple[tuple[str, ...], ScreenUpdate, Heard]:
    heard = Heard()
    emulator = open_engine(engine, heard)
    emulator.feed(data.encode("latin-1"))
    update, screen = emulator.update(full=True), screen_of(emulator)
    emulator.close()
    return screen, update, heard


_ROWS = "\r\n".join(letter * 10 for letter in "abcdef") + "\x1b[2;3H"
"""The cursor is in column 2 of row 1, from 0."""
_SCREENS: dict[str, tuple[str, ...]] = {
    "clear": ("",) * 6,
    "ed": ("a" * 10, "bb"),
    "el": ("a" * 10, "bb", "c" * 10),
    "el1": ("a" * 10, "   bbbbbbb", "c" * 10),
    "dch": ("a" * 10, "b" * 7),
    "dch1": ("a" * 10, "b" * 9),
    "ich": ("a" * 10, "bb   bbbbbbbb"),
    "ich1": ("a" * 10, "bb bbbbbbbb"),
    "ech": ("a" * 10, "bb   bbbbb"),
    "dl1": ("a" * 10, "c" * 10),
    "dl": ("a" * 10, "e" * 10, "f" * 10, ""),
    "il1": ("a" * 10, "", "b" * 10),
    "il": ("a" * 10, "", "", "", "b" * 10),
    "indn": ("d" * 10, "e" * 10, "f" * 10, ""),
    "rin": ("", "", "", "a" * 10),
}
_CURSORS = {
    "cup": (5, 2), "home": (0, 0), "cub1": (1, 1), "cuf1": (3, 1), "cuu1": (2, 0),
    "cub": (0, 1), "cuf": (5, 1), "cuu": (2, 0), "cud": (2, 4), "cr": (0, 1), "ht": (8, 1),
    "hpa": (3, 1), "vpa": (2, 3), "cbt": (0, 1), "nel": (0, 2), "ri": (2, 0), "csr": (0, 0),
}  # fmt: skip
_ATTRIBUTES = {
    "bold": Attributes.BOLD, "dim": Attributes.FAINT, "rev": Attributes.INVERSE,
    "blink": Attributes.BLINK, "invis": Attributes.INVISIBLE, "sitm": Attributes.ITALIC,
    "smxx": Attributes.STRIKE,
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("terminal", TYPES)
def test_what_moves_and_edits(engine: str, terminal: str) -> None:
    found = _capabilities(terminal)
    checked = 0
    for name, screen in _SCREENS.items():
        if name in found:
            shown = _after(engine, _ROWS + found[name])[0]
            assert shown[: len(screen)] == screen, name
            checked += 1
    for name, cursor in _CURSORS.items():
        if name in found and (terminal, name) != ("ansi", "nel"):  # which scrolls
            at = _after(engine, _ROWS + found[name])[1].cursor
            assert (at.column, at.row) == cursor, name
            checked += 1
    assert checked > 12


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("terminal", TYPES)
def test_what_changes_letters(engine: str, terminal: str) -> None:
    found = _capabilities(terminal)

    def style_of(data: str) -> tuple[Attributes, Underline, int, int]:
        update = _after(engine, f"{data}x")[1]
        style = update.style_table[update.styles[0, 0]]
        return style.attributes, style.underline, style.foreground, style.background

    for name, attribute in _ATTRIBUTES.items():
        if name in found:
            assert style_of(found[name])[0] == attribute, name
            assert style_of(found[name] + found["sgr0"])[0] == Attributes.NONE, name
    if "smul" in found:
        assert style_of(found["smul"])[1] is Underline.SINGLE
        assert style_of(found["smul"] + found["rmul"])[1] is Underline.NONE
    if "setaf" in found:
        assert style_of(found["setaf"] + found["setab"])[2:] == (3, 3)
        assert style_of(found["setaf"] + found["setab"] + found["op"])[2:] == (-1, -1)
    if "smacs" in found and terminal != "ansi":  # whose characters are those of code page 437
        shown = _after(engine, f"{found.get('enacs', '')}{found['smacs']}q{found['rmacs']}q")[0]
        assert shown[0] == "─q"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("terminal", TYPES)
def test_what_changes_modes(engine: str, terminal: str) -> None:
    found = _capabilities(terminal)

    def shown(*names: str) -> tuple[tuple[str, ...], ScreenUpdate, Heard]:
        return _after(engine, "".join(found.get(name, name) for name in names))

    if "smir" in found:
        assert shown("abc\r", "smir", "x", "rmir", "y")[0][0] == "xybc"
    if "rmam" in found:
        assert shown("rmam", "x" * 30)[0][1] == ""
        assert shown("rmam", "smam", "x" * 30)[0][1] == "x" * 10
    if "civis" in found:
        assert not shown("civis")[1].cursor.visible
        assert shown("civis", "cnorm")[1].cursor.visible
    if "sc" in found:
        cursor = shown("ab", "sc", "\x1b[4;4H", "rc")[1].cursor
        assert (cursor.column, cursor.row) == (2, 0)
    if "hts" in found and "tbc" in found:
        assert shown("tbc", "   ", "hts", "\r\tx")[0][0] == "   x"
    if "smcup" in found and "?1049" in found["smcup"]:
        assert shown("one", "smcup", "two", "rmcup")[0][0] == "one"
        titled = shown("\x1b]2;first\x07", "smcup", "\x1b]2;second\x07", "rmcup")[2]
        assert titled.titles[-1] == ("first" if "22;0" in found["smcup"] else "second")
    if "tsl" in found and "fsl" in found:
        assert shown("tsl", "title", "fsl", "x")[2].titles == ["title"]
    if "bel" in found:
        assert shown("bel")[2].bells == 1
    if "meml" in found:
        assert shown("a\r\n", "meml", "\n" * 9)[0][0] == "a"
        assert shown("a\r\n", "meml", "memu", "\n" * 9)[0][0] == ""
    if "rep" in found:
        assert shown("rep")[0][0] == "xxxx"
    if "u7" in found:
        assert shown("ab", "u7")[2].replies == b"\x1b[1;3R"
        assert shown("u9")[2].replies.startswith(b"\x1b[?6")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("terminal", ["linux", "xterm-256color"])
def test_colours_of_the_palette(engine: str, terminal: str) -> None:
    found = _capabilities(terminal)
    changed = _after(engine, found["initc"])[1].colours.palette[3:6]
    assert changed[0] == 255
    assert 126 <= changed[1] <= 128
    assert changed[2] == 0
    for reset in ("oc", "rs1"):
        palette = _after(engine, found["initc"] + found[reset])[1].colours.palette
        assert palette == COLOURS.palette, reset


@pytest.mark.parametrize("engine", ENGINES)
def test_palette_sequences_of_the_linux_console(engine: str) -> None:
    for data in ("\x1b]PBfFfF00", "\x1b]PbFFFF00"):
        for cut in range(len(data) + 1):
            heard = Heard()
            emulator = open_engine(engine, heard)
            emulator.feed(b"one" + data[:cut].encode())
            emulator.feed(data[cut:].encode() + b"two")
            assert screen_of(emulator)[0] == "onetwo", cut
            palette = emulator.update(full=True).colours.palette
            assert palette[33:36] == b"\xff\xff\x00", cut
            emulator.close()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("broken", ["\x1b]P", "\x1b]P12", "\x1b]P1fffff", "\x1b]P\r", "\x1b]P1z"])
def test_a_palette_sequence_that_is_broken_off_sets_nothing(engine: str, broken: str) -> None:
    update = _after(engine, f"{broken}\x1b[Hx")[1]
    assert update.colours.palette == COLOURS.palette
    assert chr(update.codes[0, 0]) == "x"
