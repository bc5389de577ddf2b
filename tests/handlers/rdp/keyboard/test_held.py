"""Keys that are down: nothing stays pressed, and modifiers stay as the user holds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handlers.rdp.keyboard.keys import INPUT_METHODS, KEYPAD_MOVES, KEYPAD_NUMBERS, KEYS, LOCK_KEYS
from handlers.rdp.keyboard.pressed import HELD_MAX
from tests.handlers.rdp.keyboard.receiver import (
    ALT_L,
    ALT_R,
    ALTGR,
    CONTROL_L,
    CONTROL_R,
    NUM_LOCK,
    SHIFT_L,
    SHIFT_R,
    SUPER_L,
    Desk,
    keysym,
)

NAMES = ("de-de-qwertz", "en-us-qwerty", "fr-fr-azerty", "ja-jp-qwerty", "ko-kr-qwerty", "failsafe")
MODIFIERS = {
    SHIFT_L: 0x2A, SHIFT_R: 0x36, CONTROL_L: 0x1D, CONTROL_R: 0x11D, ALT_L: 0x38, ALT_R: 0x138,
    SUPER_L: 0x15B,
}  # fmt: skip
CODES = set(MODIFIERS.values())

special = sorted(
    {*KEYS, *KEYPAD_MOVES, *KEYPAD_NUMBERS, *LOCK_KEYS, *INPUT_METHODS[7], *range(0xFE50, 0xFE63)}
    | {ALTGR, 0xFE20, 0xFF13, 0xFF6B, 0xFF61, 0xFFAC}
)
characters = st.sampled_from([keysym(one) for one in "aAqQ1!@€éêÄß^`~ñ語😀с."])
keysyms = st.one_of(
    characters,
    st.sampled_from(special),
    st.sampled_from([*MODIFIERS, ALTGR]),
    st.integers(-1, 1 << 29),
)
events = st.lists(st.tuples(keysyms, st.booleans()), max_size=60)


@given(st.sampled_from(NAMES), events, st.booleans(), st.booleans())
def test_nothing_is_down_after_any_keys(
    name: str, sequence: list[tuple[int, bool]], caps: bool, num: bool
) -> None:
    desk = Desk(name, caps=caps, num=num)
    for one, pressed in sequence:
        desk.keyboard.key(one, pressed)
        assert desk.keyboard.locks[:3] == (
            desk.keyboard.locks.scroll,
            desk.receiver.num,
            desk.receiver.caps,
        )
    desk.keyboard.release_all()
    assert desk.receiver.down == set()


@given(
    st.sampled_from(NAMES),
    st.lists(st.tuples(characters, st.booleans()), max_size=20),
    st.sets(st.sampled_from(sorted(MODIFIERS))),
)
def test_modifiers_are_as_held_after_every_character(
    name: str, sequence: list[tuple[int, bool]], held: set[int]
) -> None:
    desk = Desk(name)
    desk.press(*held)
    for one, pressed in sequence:
        desk.keyboard.key(one, pressed)
        assert desk.receiver.down & CODES == {MODIFIERS[modifier] for modifier in held}


@given(st.sampled_from(NAMES), st.lists(st.tuples(characters, st.booleans()), max_size=30))
def test_nothing_is_down_once_every_key_was_released(
    name: str, sequence: list[tuple[int, bool]]
) -> None:
    desk = Desk(name)
    for one, pressed in sequence:
        desk.keyboard.key(one, pressed)
    desk.release(*(one for one, _ in sequence))
    assert desk.receiver.down == set()


def test_the_key_that_was_pressed_is_released() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(SHIFT_L, keysym("A"))
    desk.release(SHIFT_L, keysym("a"))
    assert desk.receiver.down == set()
    desk.press(keysym("1"), SHIFT_L)
    desk.release(keysym("!"))
    assert desk.receiver.down == {0x2A}
    desk.press(0xFF09)
    desk.release(0xFE20)
    assert desk.receiver.down == {0x2A}


def test_a_key_of_the_keypad_is_released_after_num_lock() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(0xFF95)
    desk.stroke(NUM_LOCK)
    desk.release(0xFFB7)
    assert desk.receiver.down == set()


def test_a_key_belongs_to_the_keysym_that_pressed_it_last() -> None:
    desk = Desk("en-us-qwerty")
    desk.press(keysym("a"), SHIFT_L, keysym("A"))
    assert desk.receiver.text == "aA"
    desk.release(keysym("A"))
    assert desk.receiver.down == {0x2A}
    desk.release(keysym("a"), SHIFT_L)
    assert desk.receiver.down == set()


def test_a_keysym_whose_key_is_up_again_releases_no_other() -> None:
    desk = Desk("de-de-qwertz")
    desk.press(keysym("@"), keysym("q"))
    desk.release(keysym("@"))
    assert desk.receiver.down == {0x10}
    desk.release(keysym("q"))
    assert desk.receiver.down == set()


def test_the_count_of_held_keys_is_limited() -> None:
    desk = Desk("de-de-qwertz")
    pressed = [0xFFBE + at for at in range(24)] + [keysym(one) for one in "1234567890qwertzuiop"]
    pressed += [keysym(one) for one in "asdfghjklöäyxcvbnm,.-#<"]
    desk.press(*pressed)
    assert len(desk.receiver.down) == HELD_MAX == 64
    assert 0x56 not in desk.receiver.down
    desk.press(SHIFT_L)
    assert 0x2A not in desk.receiver.down
    desk.release(pressed[0])
    desk.press(SHIFT_L)
    assert 0x2A in desk.receiver.down
    desk.keyboard.release_all()
    assert desk.receiver.down == set()
