"""Characters arrive as typed, on every layout, whatever modifiers and locks are on."""

from __future__ import annotations

import pytest

from handlers.rdp.keyboard import Locks
from tests.handlers.rdp.keyboard.receiver import (
    ALT_L,
    ALT_R,
    ALTGR,
    CAPS_LOCK,
    CONTROL_L,
    SHIFT_L,
    SHIFT_R,
    Desk,
    keysym,
    layouts,
)

EUROPEAN = (
    "de-de-qwertz", "fr-fr-azerty", "es-latam-qwerty", "pt-br-qwerty", "it-it-qwerty",
    "de-ch-qwertz", "fr-ch-qwertz", "cs-cz-qwertz", "en-us-international-qwerty", "tr-tr-qwerty",
    "en-us-qwerty", "pl-pl-qwerty", "el-gr-qwerty",
)  # fmt: skip


def typed_by_keys(name: str) -> str:
    """The characters that a layout types without dead keys and without Caps Lock."""
    rows = layouts()[name]["keys"].values()
    return "".join(sorted({one for row in rows for one in row[:4] if len(one) == 1}))


def typed_by_dead_keys(name: str) -> str:
    """Further characters that it types with a dead key and another one."""
    direct = typed_by_keys(name)
    tables = layouts()[name]["dead"].values()
    return "".join(
        sorted(
            {
                result
                for pairs in tables
                for base, result in zip(pairs[::2], pairs[1::2], strict=True)
                if base in direct and result not in direct
            }
        )
    )


def test_all_characters_of_all_layouts_are_typed_with_keys() -> None:
    for name in layouts():
        desk = Desk(name)
        text = typed_by_keys(name) + typed_by_dead_keys(name)
        assert desk.type(text) == text, name
        assert desk.receiver.unicode_units == 0, name
        assert desk.receiver.down == set(), name
        assert desk.receiver.dead == "", name


@pytest.mark.parametrize("held", [(SHIFT_L,), (SHIFT_R,), (ALTGR,), (SHIFT_L, SHIFT_R, ALTGR)])
def test_modifiers_that_do_not_fit_make_no_difference(held: tuple[int, ...]) -> None:
    for name in EUROPEAN:
        desk = Desk(name)
        desk.press(*held)
        down = set(desk.receiver.down)
        text = typed_by_keys(name) + typed_by_dead_keys(name)
        assert desk.type(text) == text, name
        assert desk.receiver.unicode_units == 0, name
        assert desk.receiver.down == down, name
        desk.release(*held)
        assert desk.receiver.down == set(), name


@pytest.mark.parametrize("held", [(), (SHIFT_L,), (ALTGR,)])
@pytest.mark.parametrize("x", [False, True])
def test_caps_lock_makes_no_difference(x: bool, held: tuple[int, ...]) -> None:
    for name in EUROPEAN:
        desk = Desk(name, x=x)
        desk.press(*held)
        for one in typed_by_keys(name) + typed_by_dead_keys(name):
            desk.stroke(CAPS_LOCK)
            desk.keyboard.report(Locks(caps=desk.receiver.caps))
            assert desk.type(one) == one, (name, one)
        assert desk.receiver.unicode_units == 0, name


@pytest.mark.parametrize("name", ["de-de-qwertz", "fr-fr-azerty", "pt-br-qwerty", "pl-pl-qwerty"])
def test_an_altgr_key_that_comes_with_ctrl_types_characters(name: str) -> None:
    for altgr in (ALTGR, ALT_R):
        desk = Desk(name)
        desk.press(CONTROL_L, altgr)
        text = typed_by_keys(name)
        assert desk.type(text) == text
        assert desk.receiver.commands == []
        desk.release(altgr, CONTROL_L)
        assert desk.receiver.down == set()


def test_ctrl_and_alt_are_altgr_for_characters_that_need_it() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(CONTROL_L, ALT_L)
    assert desk.type("@€\\{[]}~|µ²") == "@€\\{[]}~|µ²"
    assert desk.type("語") == "語"
    desk.stroke(keysym("q"))
    assert desk.receiver.text[-1] == "@"  # as on a computer with this layout
    assert desk.receiver.commands == []


def test_an_altgr_key_is_no_alt_key_on_a_layout_without_altgr() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(ALTGR)
    assert desk.receiver.down == set()
    assert desk.type("@ñ") == "@ñ"
    desk.press(CONTROL_L)
    assert desk.type("@") == "@"
    desk.release(ALTGR)
    desk.stroke(keysym("c"))
    assert desk.receiver.commands == [("C", 0x2E)]


@pytest.mark.parametrize("name", ["de-de-qwertz", "en-us-qwerty", "ja-jp-qwerty", "ru-ru-qwerty"])
def test_characters_that_a_layout_lacks_are_sent_as_unicode(name: str) -> None:
    desk = Desk(name)
    text = "語ﬁ😀𝄞ỗ"
    assert desk.type(text) == text
    assert desk.receiver.unicode_units == 7
    desk.press(SHIFT_L, ALTGR)
    assert desk.type(text) == text


def test_surrogates_follow_each_other() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(keysym("😀"))
    assert desk.receiver.units == [0xD83D, 0xDE00]


def test_the_failsafe_layout_sends_unicode() -> None:
    desk = Desk("failsafe")
    text = "Straße @ 語"
    assert desk.type(text) == text
    assert desk.receiver.unicode_units == len(text) - 2  # a space is a key
    desk.press(SHIFT_L)
    assert desk.type("aA") == "aA"
    assert desk.receiver.syncs == 0


def test_a_key_that_needs_no_change_stays_down() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(keysym("w"))
    assert desk.receiver.down == {0x11}
    desk.press(keysym("w"), keysym("w"))  # it repeats
    assert desk.receiver.text == "www"
    desk.release(keysym("w"))
    assert desk.receiver.down == set()


def test_a_key_with_other_modifiers_is_released_at_once() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(keysym("@"), keysym("@"))
    assert desk.receiver.text == "@@"
    assert desk.receiver.down == set()


def test_shift_is_kept_where_it_makes_no_difference() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(SHIFT_L, 0x20)
    assert desk.receiver.down == {0x2A, 0x39}


def test_old_keysyms_are_characters() -> None:
    desk = Desk("ru-ru-qwerty")
    desk.stroke(0x06C6)  # Cyrillic_ef
    assert desk.receiver.text == "ф"
    assert desk.receiver.unicode_units == 0


def test_caps_lock_is_turned_off_by_a_small_letter() -> None:
    desk = Desk("en-us-qwerty", caps=True)
    assert desk.type("A1!") == "A1!"
    desk.press(SHIFT_L)
    assert desk.type("a") == "a"
    desk.release(SHIFT_L)
    assert desk.receiver.syncs == 0
    assert desk.type("a") == "a"
    assert (desk.receiver.syncs, desk.receiver.caps) == (1, False)
    assert desk.type("b") == "b"
    assert desk.receiver.syncs == 1


@pytest.mark.parametrize("character", "1?é,")
def test_caps_lock_is_turned_off_where_servers_differ(character: str) -> None:
    desk = Desk("fr-fr-azerty", caps=True)
    assert desk.type("AZ#" + character) == "AZ#" + character
    assert (desk.receiver.syncs, desk.receiver.caps) == (1, False)
    assert desk.type("AZ") == "AZ"


def test_the_caps_lock_key_turns_it_on_and_off() -> None:
    desk = Desk("de-de-qwertz")
    for on in (True, False):
        desk.stroke(CAPS_LOCK)
        assert desk.receiver.caps is on
        assert desk.type("ÄB@") == "ÄB@"
    assert desk.receiver.syncs == 0


def test_reported_locks_count() -> None:
    desk = Desk("en-us-qwerty")
    desk.receiver.caps = True
    desk.keyboard.report(Locks(caps=True))
    assert desk.type("X") == "X"
    assert desk.receiver.down == set()


def test_synchronization_sets_the_locks_and_keeps_modifiers() -> None:
    desk = Desk("en-us-qwerty")
    desk.receiver.caps = desk.receiver.num = True
    desk.press(CONTROL_L, SHIFT_L, keysym("X"))
    desk.keyboard.begin(())
    assert not desk.receiver.caps
    assert not desk.receiver.num
    assert desk.receiver.down == {0x1D, 0x2A}
    desk.release(keysym("X"), SHIFT_L, CONTROL_L)
    assert desk.receiver.down == set()


def test_modifiers_that_are_held_at_the_beginning_are_pressed() -> None:
    desk = Desk("en-us-qwerty")
    desk.keyboard.begin([CONTROL_L, CAPS_LOCK, keysym("x"), SHIFT_L, ALT_L])
    desk.release(ALT_L)
    assert desk.receiver.down == set()
    desk.press(keysym("X"))
    assert desk.receiver.down == {0x1D, 0x2A, 0x2D}
    assert not desk.receiver.caps
    desk.release(keysym("X"), SHIFT_L, CONTROL_L)
    assert desk.receiver.down == set()
    desk.press(keysym("x"))
    assert desk.receiver.down == {0x2D}
