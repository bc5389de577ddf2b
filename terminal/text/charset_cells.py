"""Two-byte characters take two cells on East Asian hosts, even if they take one elsewhere.

Greek, Cyrillic, signs and box drawing are as wide as ideographs in Shift-JIS, GBK, Big5 and EUC,
and programs there rely on it. A terminal gives them one cell, so a second one is added: a
continuation for lines and blocks, a blank for everything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from unicodedata import east_asian_width

_LIGHT = "─┌└├┬┴┼┎┖┞┟┠┰┸╀╁╂╭╰╓╙╟╥╨╫"
_HEAVY = "━┍┕┝┏┗┣┯┷┿┳┻╋┢┡"
_DOUBLE = "═╒╘╞╤╧╪╔╚╠╦╩╬"
_SECOND = (
    dict.fromkeys(_LIGHT, "─")
    | dict.fromkeys(_HEAVY, "━")
    | dict.fromkeys(_DOUBLE, "═")
    | {block: block for block in "▀▁▂▃▄▅▆▇█░▒▓"}
)
_CANDIDATES = (*range(0xA1, 0x2E80), *range(0xE000, 0xF900))
"""Ranges that contain one-cell characters; everything in between is East Asian."""
_STRING = re.compile("\x1b[]P^_X]|[\x07\x18\x1a]|\x1b\\\\")
"""The start and end of commands such as titles, whose text takes no cells."""


class TwoCells:
    """Adds second cells to output that arrives in parts."""

    __slots__ = ("_cut", "_in_command", "_widen")

    def __init__(self, codec: str) -> None:
        self._widen = _widening(codec)
        self._in_command = False
        self._cut = ""
        """The start of an incomplete sequence; it has already been returned."""

    def take(self, part: str) -> str:
        """Return the next part with second cells added."""
        if part.isascii() and "\x1b" not in part and not (self._in_command or self._cut):
            return part
        text, passed = self._cut + part, len(self._cut)
        self._cut = "\x1b" if text.endswith("\x1b") else ""
        parts = []
        start = 0
        for bound in _STRING.finditer(text):
            parts.append(self._wide(text[start : bound.end()]))
            start = bound.end()
            self._in_command = len(bound[0]) == 2 and bound[0] != "\x1b\\"
        parts.append(self._wide(text[start:]))
        return "".join(parts)[passed:]

    def _wide(self, text: str) -> str:
        return text if self._in_command else self._widen(text)


@cache
def _widening(codec: str) -> Callable[[str], str]:
    """A function that adds second cells to displayed text."""
    seconds = {character: _SECOND.get(character, " ") for character in _two_bytes(codec)}
    narrow = re.compile(f"[{re.escape(''.join(seconds))}]")
    wide = {character: character + second for character, second in seconds.items()}
    wide["▌"] = "█ "  # the left half of two cells
    return lambda text: narrow.sub(lambda match: wide[match[0]], text)


def _two_bytes(codec: str) -> Iterator[str]:
    """Two-byte characters that take one cell in a terminal; half-width katakana are excluded,
    because they take one cell anyway."""
    for character in map(chr, _CANDIDATES):
        try:
            size = len(character.encode(codec))
        except UnicodeEncodeError:
            continue
        if size == 2 and east_asian_width(character) not in "WFH":
            yield character
