"""Convert X11 keysyms to the bytes that a terminal of some type sends.

Modified keys follow xterm's control sequences ("PC-style function keys"); unmodified keys
match the terminfo entry of the terminal type, which programs read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import NamedTuple

from terminal.input import keysyms
from terminal.input.keysyms import F1


class Modifiers(IntFlag):
    """The modifiers that are held; plus one, this is xterm's parameter of a modified key."""

    NONE = 0
    SHIFT = 1
    ALT = 2
    CTRL = 4
    META = 8


class KeyModes(NamedTuple):
    """The keyboard modes that the host has set."""

    application_cursor: bool = False
    """DECCKM, DEC private mode 1."""
    application_keypad: bool = False
    """DECNKM, DEC private mode 66, or ESC =."""
    newline: bool = False
    """LNM, ANSI mode 20: Enter sends a line feed as well."""
    backarrow: bool = False
    """DECBKM, DEC private mode 67: Backspace sends BS."""


@dataclass(frozen=True, slots=True)
class Key:
    """The forms of one function key."""

    plain: str
    application: str
    """While DECCKM is set."""
    modified: str
    """With {} for xterm's parameter."""


def _letter(final: str) -> Key:
    return Key(f"\x1b[{final}", f"\x1bO{final}", f"\x1b[1;{{}}{final}")


def _tilde(number: int) -> Key:
    return Key(f"\x1b[{number}~", f"\x1b[{number}~", f"\x1b[{number};{{}}~")


def _always(plain: str, modified: str) -> Key:
    return Key(plain, plain, modified)


def _ss3(final: str) -> Key:
    return _always(f"\x1bO{final}", f"\x1b[1;{{}}{final}")


Keys = dict[int, Key]

_FUNCTION_TILDE = (11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34)
"""VT220's numbers of F1 to F20."""

_EDITING: Keys = {
    keysyms.UP: _letter("A"),
    keysyms.DOWN: _letter("B"),
    keysyms.RIGHT: _letter("C"),
    keysyms.LEFT: _letter("D"),
    keysyms.BEGIN: _letter("E"),
    keysyms.HOME: _letter("H"),
    keysyms.END: _letter("F"),
    keysyms.INSERT: _tilde(2),
    keysyms.DELETE: _tilde(3),
    keysyms.PAGE_UP: _tilde(5),
    keysyms.PAGE_DOWN: _tilde(6),
}
_NUMBERED: Keys = {F1 + n: _tilde(number) for n, number in enumerate(_FUNCTION_TILDE)}
_PF_KEYS: Keys = {F1 + n: _ss3(final) for n, final in enumerate("PQRS")}
_CONSOLE_KEYS: Keys = {
    F1 + n: _always(f"\x1b[[{final}", modified)
    for n, (final, modified) in enumerate(
        [("A", "\x1b[1;{}P"), ("B", "\x1b[1;{}Q"), ("C", "\x1b[1;{}R"), ("D", "\x1b[1;{}S"),
         ("E", "\x1b[15;{}~")]
    )
}  # fmt: skip
_HOME_1_END_4: Keys = {
    keysyms.HOME: _always("\x1b[1~", "\x1b[1;{}H"),
    keysyms.END: _always("\x1b[4~", "\x1b[1;{}F"),
}

_XTERM = _EDITING | _NUMBERED | _PF_KEYS
_LINUX = (
    _EDITING
    | _NUMBERED
    | _CONSOLE_KEYS
    | {
        keysyms.HOME: _tilde(1),
        keysyms.END: _tilde(4),
        keysyms.BEGIN: _always("\x1b[G", "\x1b[1;{}E"),
    }
)
_VT100 = _XTERM | {F1 + 4 + n: _ss3(final) for n, final in enumerate("tuvlwx")}
_VT220 = _XTERM | {keysyms.HOME: _tilde(1), keysyms.END: _tilde(4)}
_RXVT = _EDITING | _NUMBERED | {keysyms.HOME: _tilde(7), keysyms.END: _tilde(8)}
_XTERM_OLD = _EDITING | _NUMBERED
"""xterm of X11R6: function keys as on a VT220."""
_ANSI = _XTERM | {keysyms.INSERT: _always("\x1b[L", "\x1b[2;{}~")}

_FAMILIES: dict[str, Keys] = {
    "linux": _LINUX,
    "vt1": _VT100,
    "vt2": _VT220,
    "vt3": _VT220,
    "vt4": _VT220,
    "vt5": _VT220,
    "screen": _XTERM | _HOME_1_END_4,
    "tmux": _XTERM | _HOME_1_END_4,
    "rxvt": _RXVT,
    "ansi": _ANSI,
    "xterm-color": _XTERM_OLD,
    "xterm-r6": _XTERM_OLD,
}
"""Keys by prefix of the terminal type; all other types are treated as xterm."""

_FUNCTION_KEYS: dict[str, Keys] = {
    "": {},
    "esc": _CONSOLE_KEYS,
    "vt100": _PF_KEYS | {F1 + 4: _tilde(15)},
}
"""The keys that `func-keys-and-keypad` overrides."""

_SHIFT_COUNTS_ON = {
    **dict.fromkeys(("linux", "xterm-color", "xterm-r6"), 12),
    **dict.fromkeys(("vt2", "vt3", "vt4", "vt5", "rxvt"), 10),
}
"""Terminals on which Shift turns a function key into the one this many numbers higher."""

_KEYPAD_APPLICATION = {
    code: 0x40 + (code & 0x3F) for code in range(keysyms.KP_MULTIPLY, 0xFFBA)
} | {
    keysyms.KP_ENTER: ord("M"),
    keysyms.KP_EQUAL: ord("X"),
}
"""The final bytes after SS3 in application keypad mode: 0xFFB0, the digit 0, is `p`."""

_CONTROL = {
    **{
        character: ord(character.upper()) & 0x1F
        for character in "@[\\]^_abcdefghijklmnopqrstuvwxyz"
    },
    **{character: ord(character) & 0x1F for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    **dict(zip(" 2345678?/`~", (0, 0, 27, 28, 29, 30, 31, 127, 127, 31, 0, 30), strict=True)),
}
"""The control characters that Ctrl produces."""

_ERASE_WORD = "\x17"
_BACK_TAB, _BACK_TAB_LINUX = "\x1b[Z", "\x1b\t"
"""The sequence of Shift+Tab; on the Linux console it is that of Alt+Tab."""


class KeyMap:
    """The keys of one terminal.

    Args:
        terminal_type: the host's TERM.
        function_keys: guacd's `func-keys-and-keypad`: "esc", "vt100", or "" for the keys of the
            terminal type.
        backspace: the code that Backspace sends, 127 or 8.
    """

    __slots__ = ("_back_tab", "_backspace", "_keypad", "_keys", "_shift_counts_on")

    def __init__(self, terminal_type: str, function_keys: str = "", backspace: int = 127) -> None:
        family = next((f for f in _FAMILIES if terminal_type.startswith(f)), "")
        self._keys = _FAMILIES.get(family, _XTERM) | _FUNCTION_KEYS.get(function_keys, {})
        self._shift_counts_on = _SHIFT_COUNTS_ON.get(family, 0)
        self._keypad = function_keys == "vt100" or family.startswith("vt")
        self._backspace = chr(backspace)
        self._back_tab = _BACK_TAB_LINUX if family == "linux" else _BACK_TAB

    def encode(self, keysym: int, text: str, modifiers: Modifiers, modes: KeyModes) -> bytes:
        """Return the bytes that the host receives when a key goes down; empty for keys without
        effect.

        Args:
            keysym: the key.
            text: its input (`Typed.command` of `Keyboard.press`).
            modifiers: the modifiers held with it.
            modes: the modes set by the host.
        """
        keypad = self._keypad_code(keysym, modes)
        if keypad:
            return keypad
        if keysym in keysyms.KEYPAD_CHARACTERS:
            modifiers &= ~Modifiers.CTRL  # keypad digits are not control characters
        if text:
            return typed(text, modifiers)
        keysym = keysyms.KEYPAD_FUNCTIONS.get(keysym, keysym)
        control = self._control(keysym, modifiers, modes)
        if control is not None:
            return _escaped(control, modifiers)
        return self._function(keysym, modifiers, modes).encode()

    def _keypad_code(self, keysym: int, modes: KeyModes) -> bytes:
        # Only for terminals with a DEC keypad: elsewhere Num Lock, which clients have applied
        # before they send a keysym, goes before the mode, as it does in xterm.
        final = _KEYPAD_APPLICATION.get(keysym)
        if final is None or not (modes.application_keypad and self._keypad):
            return b""
        return b"\x1bO%c" % final

    def _control(self, keysym: int, modifiers: Modifiers, modes: KeyModes) -> str | None:
        if keysym == keysyms.BACKSPACE:
            erase = "\b" if modes.backarrow else self._backspace
            return _ERASE_WORD if modifiers & Modifiers.CTRL else erase
        if keysym == keysyms.LEFT_TAB or (keysym == keysyms.TAB and modifiers & Modifiers.SHIFT):
            return self._back_tab
        if keysym == keysyms.RETURN:
            return "\r\n" if modes.newline else "\r"
        return {keysyms.TAB: "\t", keysyms.ESCAPE: "\x1b", keysyms.LINEFEED: "\n"}.get(keysym)

    def _function(self, keysym: int, modifiers: Modifiers, modes: KeyModes) -> str:
        number = keysym - F1
        if 0 <= number < 12 and modifiers == Modifiers.SHIFT and self._shift_counts_on:
            shifted = self._keys.get(keysym + self._shift_counts_on)
            if shifted is not None:
                return shifted.plain
        elif 12 <= number < 24 and not self._shift_counts_on:
            keysym, modifiers = keysym - 12, modifiers | Modifiers.SHIFT
        key = self._keys.get(keysym)
        if key is None:
            return ""
        if modifiers:
            return key.modified.format(1 + int(modifiers))
        return key.application if modes.application_cursor else key.plain


def typed(text: str, modifiers: Modifiers) -> bytes:
    """Return the bytes that the host receives for a character."""
    if modifiers & Modifiers.CTRL:
        code = _CONTROL.get(text)
        if code is not None:
            text = chr(code)
        elif not text.isascii():
            # Ctrl has no effect on it, so this is the Ctrl+Alt of AltGr.
            modifiers &= ~(Modifiers.CTRL | Modifiers.ALT)
    return _escaped(text, modifiers)


def _escaped(text: str, modifiers: Modifiers) -> bytes:
    return (b"\x1b" if modifiers & (Modifiers.ALT | Modifiers.META) else b"") + text.encode()
