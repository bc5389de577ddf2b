r"""Characters before libghostty takes them: those whose cells it counts otherwise than wcwidth(3)
does (`terminal.widths`), and those that it does not show in DEC's character sets.

The former are written as others of the right width, for which no host has a use, and put back in
all that is read from the library. The latter are written in another set, by a single shift.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from terminal.ghostty_library import check, ffi, lib
from terminal.widths import CLUSTERS, EXCEPTIONS, is_region

_FIRST_STAND_IN = {0: 0xE0F00, 1: 0x10F000, 2: 0x3FF00}
"""By width. None of these code points is assigned, or likely to be."""

_NEXT = dict(_FIRST_STAND_IN)
_STAND_INS: dict[str, str] = {}
for _code, _cells in EXCEPTIONS.items():
    _STAND_INS[chr(_code)] = chr(_NEXT[_cells])
    _NEXT[_cells] += 1
_TO_LIBRARY = str.maketrans(_STAND_INS)
_TO_CLUSTERS = str.maketrans({char: to for char, to in _STAND_INS.items() if not is_region(char)})
"""For the library to join flags out of their letters."""
FROM_LIBRARY = {ord(stand_in): ord(char) for char, stand_in in _STAND_INS.items()}
LOWEST = min(FROM_LIBRARY)
"""No stand-in is less."""

_SPECIAL = frozenset((*_STAND_INS, *_STAND_INS.values()))
_PLAIN, _ODD, _UNSEEN = 0, 1, 2
_UNITS = np.full(1 << 16, _UNSEEN, np.uint8)
"""By unit of UTF-16, whether a character that begins with it may have to be looked at: learned as
they come."""
_HIGH = range(0xD800, 0xDC00)
_TOKEN = re.compile(rb"(?P<string>\x1b[\]PX^_][^\x07\x18\x1a\x1b]*+)|(?P<text>[\x80-\xff]++)")
_STRING_END = re.compile(rb"[\x07\x18\x1a\x1b]")
_CUT = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_DESIGNATION = re.compile(rb"\x1b([()*+])[^B]")
_WITHOUT_CELLS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_AS_A_CLUSTER = f"\x1b[?{CLUSTERS}h\\g<0>\x1b[?{CLUSTERS}l"
"""Without autowrap the library puts a mark after the last column into the column before, unless it
makes clusters."""
_WRAP = 7
_SHIFTS = ("\x1bN", "\x1bO")
"""SS2 and SS3."""


def original(text: str) -> str:
    """Text out of the library as the host sent it."""
    return text if text.isascii() else text.translate(FROM_LIBRARY)


def stand_in(text: str) -> str:
    """Text as the library has it."""
    return text if text.isascii() else text.translate(_TO_LIBRARY)


def _odd(text: str) -> frozenset[str]:
    """The characters of a text that have no cells of their own, are counted otherwise by the
    library, or stand in for such."""
    units = np.frombuffer(text.encode("utf-16-le"), np.uint16)
    kinds = _UNITS.take(units)
    if int(kinds.max(initial=_PLAIN)) == _UNSEEN:
        for unit in np.unique(units[kinds == _UNSEEN]).tolist():
            _UNITS[unit] = _ODD if unit in _HIGH or _is_odd(chr(unit)) else _PLAIN
        kinds = _UNITS.take(units)
    return frozenset(filter(_is_odd, set(text))) if kinds.any() else frozenset()


@lru_cache(4096)
def _is_odd(char: str) -> bool:
    return not char.isascii() and (char in _SPECIAL or not _width(char))


def _width(char: str) -> int:
    return int(lib.ghostty_unicode_codepoint_width(ord(char)))


class HostText:
    """Writes what a host sends to one terminal of the library, which must not be freed."""

    __slots__ = ("_cut", "_mode", "_shift", "_special", "_terminal", "_truth", "marked")

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._cut = b""
        """The beginning of a character."""
        self._special = False
        """Whether there may be another character set than ASCII in force."""
        self._shift = 0
        self.marked = False
        """Whether a mark may have gone into a cell: the library does not say that its row has
        changed then."""
        self._mode = ffi.new("GhosttyTerminalModeConfig*", {"mode": CLUSTERS})
        self._truth = ffi.new("bool*")

    def write(self, data: bytes) -> None:
        """Take bytes of the host, cut anywhere but within control sequences."""
        if data.isascii() and not self._cut:
            self._write(data)
            return
        data, self._cut = self._cut + data, b""
        if cut := _CUT.search(data, max(len(data) - 3, 0)):
            data, self._cut = data[: cut.start()], cut[0]
        odd = _odd(data.decode(errors="ignore"))
        self.marked = self.marked or bool(odd)
        if self._special or (odd and self._needs_parts(data, odd)):
            self._write_by_parts(data)
        else:
            self._write(data)

    def designated(self, data: bytes) -> None:
        """Look for character sets in what is about to be written."""
        for found in _DESIGNATION.finditer(data):
            self._special = True
            if found[1] == b"*":
                self._shift = 1

    def reset(self) -> None:
        """As RIS."""
        self._cut, self._special, self._shift = b"", False, 0

    def _write(self, data: bytes) -> None:
        lib.ghostty_terminal_vt_write(self._terminal, data, len(data))

    def _needs_parts(self, data: bytes, odd: frozenset[str]) -> bool:
        return not odd.isdisjoint(_SPECIAL) or b"\x1b[?" in data or not self._is_set(_WRAP)

    def _write_by_parts(self, data: bytes) -> None:
        at = self._end_of_string(data)
        self._write(data[:at])
        if not self._special and data.find(b"\x1b", at) < 0:
            self._write(self._written(data[at:]))
            return
        for found in _TOKEN.finditer(data, at):
            if found["string"]:
                continue
            self._write(data[at : found.start()])
            at = found.end()
            self._write(self._written(found[0]))
        self._write(data[at:])

    def _end_of_string(self, data: bytes) -> int:
        """Where a command string ends that has begun before."""
        check(
            lib.ghostty_terminal_get(
                self._terminal, lib.GHOSTTY_TERMINAL_DATA_VT_GROUND, self._truth
            ),
            "read its state",
        )
        if self._truth[0]:
            return 0
        end = _STRING_END.search(data)
        return end.start() if end else len(data)

    def _is_set(self, mode: int) -> bool:
        """Whether a DEC private mode is set."""
        self._mode.mode = mode
        lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode)
        return bool(self._mode.value)

    def _written(self, data: bytes) -> bytes:
        """Characters as the library is to take them."""
        text = data.decode(errors="replace")
        text = "".join("\ufffd" if ord(char) in FROM_LIBRARY else char for char in text)
        if self._is_set(CLUSTERS):
            return text.translate(_TO_CLUSTERS).encode()
        text = text.translate(_TO_LIBRARY)
        if not self._is_set(_WRAP):
            text = _WITHOUT_CELLS.sub(_AS_A_CLUSTER, text)
        if self._special:
            shift = _SHIFTS[self._shift]
            text = "".join(shift + char if _width(char) else char for char in text)
        return text.encode()
