"""The width of characters in cells, and which characters join the preceding one."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from wcwidth import wcwidth

from terminal.text.widths import EXCEPTIONS, is_region

JOINER = "\u200d"
EMOJI_STYLE = "\ufe0f"
TEXT_STYLE = "\ufe0e"

MAX_CLUSTER = 32
"""Maximum code points of a cluster."""

NARROW = re.compile(
    "[ -~\xa1-\xa8\xaa-\xac\xaf-\u02ff\u0386-\u0482\u048a-\u0556\u2010-\u2027\u2190\u2191"
    "\u2500-\u2589\u2800-\u28ff\ue0a0-\ue0d7]+"
)
"""Runs of one-cell characters that join nothing."""

_MODIFIERS = range(0x1F3FB, 0x1F400)
_VIRAMA = 9
"""The combining class of marks that join a consonant to the next one."""
_INDIC = frozenset((*range(0x0900, 0x0D80), *range(0x1780, 0x17B4)))
_SPACING = frozenset("\u0e33\u0eb3\uff9e\uff9f")
"""Characters that join a letter without being marks: SARA AM, and voicing of half-width kana."""
_KEYS = frozenset("#*0123456789")
_EMOJI = re.compile(
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)


@lru_cache(4096)
def width_of(char: str) -> int:
    """The width of a character in cells, as wcwidth(3) on hosts: 0, 1 or 2."""
    width = EXCEPTIONS.get(ord(char))
    if width is None:
        width = max(wcwidth(char), 0)
        if not width and unicodedata.category(char) == "Mc":
            width = 1  # a spacing vowel sign
    return width


def attaches(before: str, char: str) -> bool:
    """Return whether a character goes into the preceding cell while clusters are disabled."""
    return char not in (EMOJI_STYLE, TEXT_STYLE) or bool(_EMOJI.match(before[-1]))


def joins(before: str, char: str) -> bool:
    """Return whether a character belongs to the preceding cluster (extended clusters of UAX 29, as
    far as terminals support them)."""
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
    """The width of a cluster of `width` cells after `char` has joined it."""
    if char == EMOJI_STYLE and (_EMOJI.match(before[-1]) or before in _KEYS):
        return 2
    if char == TEXT_STYLE and _EMOJI.match(before[-1]):
        return 1
    return max(width, 2 if is_region(char) or width_of(char) else 1)
