"""The Kitty keyboard protocol, for hosts that have requested it.

Specification: "Comprehensive keyboard handling in terminals" of the Kitty terminal. X11 keysyms
do not identify the unshifted character of a key, except for letters: other shifted characters are
reported as typed, without Shift. They do not identify the position of a key either: its character
in a US layout is known only for non-Latin layouts.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from terminal.input import keysyms
from terminal.input.keyboard import Typed
from terminal.input.keymap import Modifiers
from terminal.input.keysyms import F1


class Flags(IntFlag):
    """The features that a host requests."""

    DISAMBIGUATE = 1
    EVENT_TYPES = 2
    ALTERNATE_KEYS = 4
    ALL_AS_ESCAPES = 8
    ASSOCIATED_TEXT = 16


class KeyEvent(IntEnum):
    """Press, repeat or release of a key."""

    PRESS = 1
    REPEAT = 2
    RELEASE = 3


_PLAIN = {keysyms.RETURN: "\r", keysyms.TAB: "\t", keysyms.BACKSPACE: "\x7f"}
"""Keys that keep their legacy bytes unless modified, so that a shell works after a crash."""

MODIFIER_KEYS = {
    **dict(zip((0xFFE5, 0xFF14, 0xFF7F), range(57358, 57361), strict=True)),
    **dict(zip((0xFFE1, 0xFFE3, 0xFFE9, 0xFFEB, 0xFFED, 0xFFE7), range(57441, 57447), strict=True)),
    **dict(zip((0xFFE2, 0xFFE4, 0xFFEA, 0xFFEC, 0xFFEE, 0xFFE8), range(57447, 57453), strict=True)),
    **dict(zip((0xFE03, 0xFE11), range(57453, 57455), strict=True)),
}
"""Caps Lock, Scroll Lock, Num Lock; Shift, Control, Alt, Super, Hyper and Meta, left and right; ISO
levels 3 and 5. They are reported only if all keys are."""

_NUMBERS = {
    **MODIFIER_KEYS,
    **dict(zip((0xFF61, 0xFF13, 0xFF67), range(57361, 57364), strict=True)),  # Print, Pause, Menu
    keysyms.ESCAPE: 27,
    keysyms.RETURN: 13,
    keysyms.TAB: 9,
    keysyms.LEFT_TAB: 9,
    keysyms.BACKSPACE: 127,
    **{F1 + 12 + index: 57376 + index for index in range(23)},
    **{keysyms.KP_0 + digit: 57399 + digit for digit in range(10)},
    **dict(
        zip(
            (0xFFAE, 0xFFAF, 0xFFAA, 0xFFAD, 0xFFAB, keysyms.KP_ENTER, keysyms.KP_EQUAL, 0xFFAC,
             0xFF96, 0xFF98, 0xFF97, 0xFF99, 0xFF9A, 0xFF9B, 0xFF95, 0xFF9C, 0xFF9E, 0xFF9F,
             0xFF9D),
            range(57409, 57428),
            strict=True,
        )
    ),
}  # fmt: skip
"""Keys of the form CSI number u; keypad keys have separate numbers."""

_TILDE = {
    keysyms.INSERT: 2,
    keysyms.DELETE: 3,
    keysyms.PAGE_UP: 5,
    keysyms.PAGE_DOWN: 6,
    F1 + 2: 13,
    **{F1 + 4 + index: number for index, number in enumerate((15, 17, 18, 19, 20, 21, 23, 24))},
}
"""Keys of the form CSI number ~."""

_LETTERS = {
    keysyms.UP: "A",
    keysyms.DOWN: "B",
    keysyms.RIGHT: "C",
    keysyms.LEFT: "D",
    keysyms.BEGIN: "E",
    keysyms.END: "F",
    keysyms.HOME: "H",
    F1: "P",
    F1 + 1: "Q",
    F1 + 3: "S",
}
"""Keys of the form CSI 1 letter."""

_COMMANDS = Modifiers.ALT | Modifiers.CTRL | Modifiers.META


def encode(keysym: int, typed: Typed, flags: Flags, event: KeyEvent) -> bytes:
    """Return the bytes that the host receives for a key."""
    text, modifiers, _ = typed
    if keysym in MODIFIER_KEYS and not flags & Flags.ALL_AS_ESCAPES:
        return b""
    if event is not KeyEvent.PRESS and not flags & Flags.EVENT_TYPES:
        if event is KeyEvent.RELEASE:
            return b""
        event = KeyEvent.PRESS
    if not flags & Flags.ALL_AS_ESCAPES:
        plain = _as_before(keysym, text, modifiers, event)
        if plain is not None:
            return plain
    keys, final = _key(keysym, typed, flags)
    if not final:
        return b""
    if text and not text.isalpha():
        modifiers &= ~Modifiers.SHIFT
    if keysym == keysyms.LEFT_TAB:
        modifiers |= Modifiers.SHIFT
    parameters = [keys, _modifiers(modifiers, event)]
    types = text and event is not KeyEvent.RELEASE and not modifiers & _COMMANDS
    if types and flags & Flags.ASSOCIATED_TEXT:
        parameters.append(":".join(str(ord(c)) for c in text))
    return _sequence(parameters, final)


def _as_before(keysym: int, text: str, modifiers: Modifiers, event: KeyEvent) -> bytes | None:
    """The legacy bytes of keys that the protocol does not change; None for all others."""
    if event is KeyEvent.RELEASE and keysym in (*_PLAIN, keysyms.LEFT_TAB):
        return b""
    if keysym in _PLAIN and not modifiers:
        return _PLAIN[keysym].encode()
    if text and not modifiers & _COMMANDS and event is not KeyEvent.RELEASE:
        return text.encode()
    return None


def _key(keysym: int, typed: Typed, flags: Flags) -> tuple[str, str]:
    """The first parameter and the final byte."""
    if keysym in _NUMBERS:
        return str(_NUMBERS[keysym]), "u"
    if typed.text:
        return _alternatives(typed, flags), "u"
    keysym = keysyms.KEYPAD_FUNCTIONS.get(keysym, keysym)
    if keysym in _TILDE:
        return str(_TILDE[keysym]), "~"
    return "1", _LETTERS.get(keysym, "")


def _alternatives(typed: Typed, flags: Flags) -> str:
    """The code of a character and, if alternatives are requested, of its shifted form and of the
    key in the same position of a US layout."""
    text = typed.text
    code = ord(text[0].lower()) if len(text[0].lower()) == 1 else ord(text[0])
    if not flags & Flags.ALTERNATE_KEYS:
        return str(code)
    shifted = typed.modifiers & Modifiers.SHIFT and code != ord(text[0])
    parts = [str(code), str(ord(text[0])) if shifted else ""]
    if typed.key and ord(typed.key) != code:
        parts.append(str(ord(typed.key)))
    return ":".join(parts).rstrip(":")


def _modifiers(modifiers: Modifiers, event: KeyEvent) -> str:
    value = 1 + int(modifiers)
    if event is not KeyEvent.PRESS:
        return f"{value}:{int(event)}"
    return str(value) if modifiers else ""


def _sequence(parameters: list[str], final: str) -> bytes:
    while len(parameters) > 1 and not parameters[-1]:
        parameters.pop()
    if parameters == ["1"] and final not in "u~":
        parameters = []
    return f"\x1b[{';'.join(parameters)}{final}".encode()
