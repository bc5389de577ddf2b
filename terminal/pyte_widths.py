"""How many cells a character takes, and which characters join the one before."""

from __future__ import annotations

import re
import unicodedata

from wcwidth import wcwidth

from terminal.widths import EXCEPTIONS, is_region

JOINER = "\u200d"
EMOJI_STYLE = "\ufe0f"
TEXT_STYLE = "\ufe0e"

MAX_CLUSTER = 32
"""Code points of a cluster that are kept."""

NARROW = re.compile(
    "[ -~\xa1-\xa8\xaa-\xac\xaf-\u02ff\u0386-\u0482\u048a-\u0556\u2010-\u2027\u2190\u2191"
    "\u2500-\u2589\u2800-\u28ff\ue0a0-\ue0d7]+"
)
"""Runs of characters of one cell each, that join nothing."""

_MODIFIERS = range(0x1F3FB, 0x1F400)
_VIRAMA = 9
"""The combining class of what has a consonant join the next one."""
_INDIC = frozenset((*range(0x0900, 0x0D80), *range(0x1780, 0x17B4)))
_SPACING = frozenset("\u0e33\u0eb3\uff9e\uff9f")
"""What joins a letter without being a mark: SARA AM, and voicing of half-width kana."""
_KEYS = frozenset("#*0123456789")
_EMOJI = re.compile(
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)


def width_of(char: str) -> int:
    """Cells of a character: 0, 1 or 2, as wcwidth(3) of hosts has it."""
    width = EXCEPTIONS.get(ord(char))
    if width is None:
        width = max(wcwidth(char), 0)
        if not width and unicodedata.category(char) == "Mc":
            width = 1  # a vowel sign that stands beside its consonant
    return width


def attaches(before: str, char: str) -> bool:
    """Whether a character goes into the cell before it, as long as no clusters were asked for."""
    return char not in (EMOJI_STYLE, TEXT_STYLE) or bool(_EMOJI.match(before[-1]))


def joins(before: str, char: str) -> bool:
    """Whether a character belongs to the cluster before it (UAX 29, extended clusters, as far as
    terminals have them)."""
    code = ord(char)
    if char in (EMOJI_STYLE, TEXT_STYLE):
        return before in _KEYS or attaches(before, char)
    if char == JOINER or code in _MODIFIERS:
        return True
    if is_region(char):
        return len(before) == 1 and is_region(before)
    if before.endswith(JOINER):
        return bool(_EMOJI.match(char)) and bool(_EMOJI.match(before))
    if 0x1160 <= code <= 0x11FF:
        return 0x1100 <= ord(before[-1]) <= 0x11FF or 0xAC00 <= ord(before[-1]) <= 0xD7A3
    if unicodedata.combining(before[-1]) == _VIRAMA and code in _INDIC:
        return unicodedata.category(char) == "Lo"
    return char in _SPACING or unicodedata.category(char) in ("Mn", "Me", "Mc")


def joined_width(before: str, char: str, width: int) -> int:
    """Cells of a cluster of `width` cells once `char` has joined it."""
    if char == EMOJI_STYLE and (_EMOJI.match(before[-1]) or before in _KEYS):
        return 2
    if char == TEXT_STYLE and _EMOJI.match(before[-1]):
        return 1
    return max(width, 2 if is_region(char) or width_of(char) else 1)
