"""The Kitty keyboard protocol, with the examples of its specification."""

from __future__ import annotations

import pytest

from tests.terminal.desk import Desk, keysym


@pytest.fixture
def desk() -> Desk:
    return Desk(terminal_type="xterm-256color")


@pytest.mark.parametrize(
    ("keys", "data"),
    [
        (["a"], b"a"),
        (["shift", "A"], b"A"),
        (["ctrl", "a"], b"\x1b[97;5u"),
        (["ctrl", "shift", "A"], b"\x1b[97;6u"),
        (["alt", "x"], b"\x1b[120;3u"),
        (["Escape"], b"\x1b[27u"),
        (["Enter"], b"\r"),
        (["shift", "Enter"], b"\x1b[13;2u"),
        (["Tab"], b"\t"),
        (["shift", "Tab"], b"\x1b[9;2u"),
        (["Backspace"], b"\x7f"),
        (["ctrl", "Backspace"], b"\x1b[127;5u"),
        (["Up"], b"\x1b[A"),
        (["ctrl", "Up"], b"\x1b[1;5A"),
        (["Home"], b"\x1b[H"),
        (["Delete"], b"\x1b[3~"),
        (["F1"], b"\x1b[P"),
        (["ctrl", "F1"], b"\x1b[1;5P"),
        (["KP_7"], b"7"),
        (["KP_Enter"], b"\x1b[57414u"),
        (["KP_Home"], b"\x1b[57423u"),
    ],
)
def test_disambiguated_keys(desk: Desk, keys: list[str], data: bytes) -> None:
    desk.terminal.feed(b"\x1b[>1u")
    assert desk.press(*keys) == data


def test_the_third_function_key_and_those_past_the_twelfth(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>1u")
    f1 = keysym("F1")
    sent = [desk.terminal.key(desk.person, f1 + n, True) for n in (2, 4, 11, 12)]
    assert sent == [b"\x1b[13~", b"\x1b[15~", b"\x1b[24~", b"\x1b[57376u"]


def test_event_types(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>3u")
    up, a = keysym("Up"), keysym("a")
    events = ((up, True), (up, True), (up, False), (a, True), (a, False))
    sent = [desk.terminal.key(desk.person, code, down) for code, down in events]
    assert sent == [b"\x1b[A", b"\x1b[1;1:2A", b"\x1b[1;1:3A", b"a", b"\x1b[97;1:3u"]


def test_all_keys_as_escapes_with_their_text(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>25u")
    assert desk.press("a") == b"\x1b[97;;97u"
    assert desk.press("shift", "A") == b"\x1b[97;2;65u"
    assert desk.press("Enter") == b"\x1b[13u"


def test_alternate_keys(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>13u")
    assert desk.press("ctrl", "shift", "A") == b"\x1b[97:65;6u"


def test_the_terminals_own_keys_stay_its_own(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>15u")
    desk.terminal.clipboard = "pasted"
    assert desk.press("ctrl", "shift", "V") == b"pasted"
    for name in ("ctrl", "shift"):
        desk.hold(name)
    assert desk.terminal.key(desk.person, keysym("V"), True) == b"pasted"
    assert desk.terminal.key(desk.person, keysym("V"), False) == b""


def test_leaving_the_protocol(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>1u\x1b[<u")
    assert desk.press("ctrl", "a") == b"\x01"


@pytest.mark.parametrize("name", ["Enter", "Tab", "Backspace", "ISO_Left_Tab"])
def test_a_shell_can_be_used_after_a_crash(desk: Desk, name: str) -> None:
    """These keys have no releases, whatever is held, unless all keys are reported."""
    desk.terminal.feed(b"\x1b[>3u")
    desk.hold("shift")
    desk.hold(name)
    assert desk.terminal.key(desk.person, keysym(name), False) == b""
    desk.terminal.feed(b"\x1b[>11u")
    desk.hold(name)
    assert b":3u" in desk.terminal.key(desk.person, keysym(name), False)


def test_what_goes_up_types_nothing(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>27u")
    desk.hold("a")
    assert desk.terminal.key(desk.person, keysym("a"), False) == b"\x1b[97;1:3u"


def test_modifier_keys_are_reported_where_all_keys_are(desk: Desk) -> None:
    shift, control, caps_lock, level_3 = 0xFFE1, 0xFFE4, 0xFFE5, 0xFE03
    desk.terminal.feed(b"\x1b[>3u")
    assert desk.terminal.key(desk.person, shift, True) == b""
    assert desk.terminal.key(desk.person, shift, False) == b""
    desk.terminal.feed(b"\x1b[=10u")
    events = ((shift, True), (control, True), (shift, False), (control, False), (level_3, True))
    sent = [desk.terminal.key(desk.person, code, down) for code, down in events]
    assert sent == [
        b"\x1b[57441;2u",
        b"\x1b[57448;6u",
        b"\x1b[57441;5:3u",
        b"\x1b[57448;1:3u",
        b"\x1b[57453u",
    ]
    assert desk.terminal.key(desk.person, caps_lock, True) == b"\x1b[57358u"


def test_print_pause_and_menu(desk: Desk) -> None:
    desk.terminal.feed(b"\x1b[>1u")
    sent = [desk.terminal.key(desk.person, code, True) for code in (0xFF61, 0xFF13, 0xFF67)]
    assert sent == [b"\x1b[57361u", b"\x1b[57362u", b"\x1b[57363u"]
