"""Characters of two bytes take two cells on hosts of East Asia, also those that have one elsewhere.

Greek, Cyrillic, signs and box drawing are as wide as ideographs in Shift-JIS, GBK, Big5 and EUC,
and programs there place everything by that. A terminal gives them one cell, so that a second is
added: what goes on to the right for lines and blocks, a blank for all else.
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
"""Code points among which there are some of one cell: what lies between is of East Asia itself."""
_STRING = re.compile("\x1b[]P^_X]|[\x07\x18\x1a]|\x1b\\\\")
"""Where commands such as titles, whose text has no cells, begin and end."""


class TwoCells:
    """Makes room in the parts of an output, one after the other."""

    __slots__ = ("_cut", "_in_command", "_widen")

    def __init__(self, codec: str) -> None:
        self._widen = _widening(codec)
        self._in_command = False
        self._cut = ""
        """The beginning of a sequence whose rest has not come; it has been returned already."""

    def take(self, part: str) -> str:
        """The next part, with second cells."""
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
    """Adds second cells to a text that is shown."""
    seconds = {character: _SECOND.get(character, " ") for character in _two_bytes(codec)}
    narrow = re.compile(f"[{re.escape(''.join(seconds))}]")
    wide = {character: character + second for character, second in seconds.items()}
    wide["▌"] = "█ "  # the left half of two cells
    return lambda text: narrow.sub(lambda match: wide[match[0]], text)


def _two_bytes(codec: str) -> Iterator[str]:
    """Characters of two bytes that a terminal gives one cell; katakana of half width have one
    anyway."""
    for character in map(chr, _CANDIDATES):
        try:
            size = len(character.encode(codec))
        except UnicodeEncodeError:
            continue
        if size == 2 and east_asian_width(character) not in "WFH":
            yield character
