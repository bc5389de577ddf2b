"""X11 keysyms: the characters that they represent, and the names of the others.

Appendix A of the X protocol assigns the keysyms 0x20 to 0xFF to Latin-1, 0x01000000 plus a code
point to any other character, and older numbers to the national sets, most of which follow an
8-bit standard.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

UNICODE_BASE = 0x01000000

CHARACTERS_KEPT = 2048
"""Maximum keysyms in the cache; clients choose which they send."""

BACKSPACE, TAB, LINEFEED, RETURN, ESCAPE, DELETE = 0xFF08, 0xFF09, 0xFF0A, 0xFF0D, 0xFF1B, 0xFFFF
HOME, LEFT, UP, RIGHT, DOWN, PAGE_UP, PAGE_DOWN, END, BEGIN = range(0xFF50, 0xFF59)
INSERT = 0xFF63
F1 = 0xFFBE
"""F1 to F35 are consecutive."""
PAUSE, CANCEL, BREAK = 0xFF13, 0xFF69, 0xFF6B
"""Pause, and the same key with Ctrl: Cancel in browsers, Break in X11."""
LEFT_TAB = 0xFE20
"""ISO_Left_Tab, which X sends for Shift+Tab."""

KP_SPACE, KP_TAB, KP_ENTER, KP_F1, KP_EQUAL = 0xFF80, 0xFF89, 0xFF8D, 0xFF91, 0xFFBD
KP_MULTIPLY, KP_0, KP_9 = 0xFFAA, 0xFFB0, 0xFFB9
KEYPAD_CHARACTERS = {0xFF80: " ", 0xFFBD: "="} | {
    0xFFAA + index: character for index, character in enumerate("*+,-./0123456789")
}
KEYPAD_FUNCTIONS = {
    0xFF89: TAB,
    0xFF8D: RETURN,
    0xFF91: F1,
    0xFF92: F1 + 1,
    0xFF93: F1 + 2,
    0xFF94: F1 + 3,
    0xFF95: HOME,
    0xFF96: LEFT,
    0xFF97: UP,
    0xFF98: RIGHT,
    0xFF99: DOWN,
    0xFF9A: PAGE_UP,
    0xFF9B: PAGE_DOWN,
    0xFF9C: END,
    0xFF9D: BEGIN,
    0xFF9E: INSERT,
    0xFF9F: DELETE,
}
"""Keypad keys that act like the main keys, unless the host requested keypad codes."""

# Keysyms 0xnnA1 to 0xnnFF whose lower byte is that of an 8-bit character set.
_CHARACTER_SETS = {
    0x01: "iso8859-2",
    0x02: "iso8859-3",
    0x03: "iso8859-4",
    0x05: "iso8859-6",
    0x06: "koi8-r",
    0x07: "iso8859-7",
    0x0C: "iso8859-8",
    0x0D: "tis-620",
    0x12: "iso8859-14",
    0x13: "iso8859-15",
}

_GREEK_VOWELS = "\u0386\u0388\u0389\u038a\u03aa\0\u038c\u038e\u03ab\0\u038f"
_GREEK_SMALL = "\u03ac\u03ad\u03ae\u03af\u03ca\u0390\u03cc\u03cd\u03cb\u03b0\u03ce"
_EXCEPTIONS = {
    **{0x07A1 + n: c for n, c in enumerate(_GREEK_VOWELS) if c != "\0"},
    **{0x07B1 + n: c for n, c in enumerate(_GREEK_SMALL)},
    **dict(zip((0x07AE, 0x07AF, 0x07D2, 0x07F2, 0x07F3), "\u0385\u2015Σσς", strict=True)),
    # The letters of Serbian, Ukrainian and others, small before capital, around KOI8-R.
    **{0x06A1 + n: c for n, c in enumerate("ђѓёєѕіїјљњћќґўџ№ЂЃЁЄЅІЇЈЉЊЋЌҐЎЏ")},
    # Korean letters in the order of their standard.
    **{0x0EA1 + n: chr(0x3131 + n) for n in range(0x33)},
    # Publishing, arrows, currencies.
    **dict(zip(range(0x0AA1, 0x0AA9), "\u2003\u2002\u2004\u2005\u2007\u2008\u2009\u200a",
               strict=True)),
    **dict(zip((0x0AA9, 0x0AAA, 0x0AAE, 0x0AC9, 0x0AE6), "—–…™•", strict=True)),
    **dict(zip(range(0x0AD0, 0x0AD4), "‘’“”", strict=True)),
    **dict(zip((0x0AFD, 0x0AFE), "‚„", strict=True)),
    **dict(zip(range(0x08FB, 0x08FF), "←↑→↓", strict=True)),
    **{code: chr(code) for code in range(0x20A0, 0x20AD)},
}  # fmt: skip

DEAD_KEYS = {
    0xFE50: "\u0300",
    0xFE51: "\u0301",
    0xFE52: "\u0302",
    0xFE53: "\u0303",
    0xFE54: "\u0304",
    0xFE55: "\u0306",
    0xFE56: "\u0307",
    0xFE57: "\u0308",
    0xFE58: "\u030a",
    0xFE59: "\u030b",
    0xFE5A: "\u030c",
    0xFE5B: "\u0327",
    0xFE5C: "\u0328",
    0xFE60: "\u0323",
    0xFE61: "\u0309",
    0xFE62: "\u031b",
}
"""The combining mark that a dead key adds to the next character."""


@lru_cache(maxsize=CHARACTERS_KEPT)
def character(keysym: int) -> str | None:
    """The character that a key types, ignoring modifiers; None for keys that type nothing."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if keysym >= UNICODE_BASE:
        return _unicode(keysym - UNICODE_BASE)
    return KEYPAD_CHARACTERS.get(keysym) or _EXCEPTIONS.get(keysym) or _national(keysym)


def combined(mark: str, base: str) -> str:
    """A character with the mark of a dead key; if there is no such letter, the spacing form of the
    mark followed by the character."""
    joined = unicodedata.normalize("NFC", base + mark)
    if len(joined) == 1:
        return joined
    alone = unicodedata.normalize("NFKC", " " + mark).strip() or mark
    spacing = _SPACING.get(mark, alone)
    return spacing if base == " " else spacing + base


_SPACING = {"\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0303": "~", "\u0308": "¨",
            "\u030a": "°", "\u0327": "¸"}  # fmt: skip


def _unicode(code: int) -> str | None:
    if not 0x20 <= code <= 0x10FFFF or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:
        return None
    return chr(code)


def _national(keysym: int) -> str | None:
    block, low = divmod(keysym, 0x100)
    if low < 0xA1:
        return None
    try:
        if block == 0x04:  # Katakana: half width by its standard, full width by X11
            return unicodedata.normalize("NFKC", bytes([low]).decode("shift_jis"))
        return bytes([low]).decode(_CHARACTER_SETS[block])
    except (KeyError, UnicodeDecodeError):
        return None
