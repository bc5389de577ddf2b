r"""Replace characters that libghostty handles differently, before it receives them.

These are characters whose width differs from wcwidth(3) (`terminal.text.widths`), and those that it
does not show in DEC's character sets.

The former are written as unused characters of the right width, and restored in everything that is
read from the library. The latter are written in a different set, by a single shift.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np

from terminal.engines.ghostty.library import check, ffi, lib
from terminal.text.widths import CLUSTERS, EXCEPTIONS, is_region

_FIRST_STAND_IN = {0: 0xE0F00, 1: 0x10F000, 2: 0x3FF00}
"""Stand-ins by width. None of these code points is assigned, or likely to be."""

_NEXT = dict(_FIRST_STAND_IN)
_STAND_INS: dict[str, str] = {}
for _code, _cells in EXCEPTIONS.items():
    _STAND_INS[chr(_code)] = chr(_NEXT[_cells])
    _NEXT[_cells] += 1
_TO_LIBRARY = str.maketrans(_STAND_INS)
_TO_CLUSTERS = str.maketrans({char: to for char, to in _STAND_INS.items() if not is_region(char)})
"""The setting with which the library joins letters into flags."""
FROM_LIBRARY = {ord(stand_in): ord(char) for char, stand_in in _STAND_INS.items()}
LOWEST = min(FROM_LIBRARY)
"""The lowest stand-in."""

_SPECIAL = frozenset((*_STAND_INS, *_STAND_INS.values()))
_PLAIN, _ODD, _UNSEEN = 0, 1, 2
_UNITS = np.full(1 << 16, _UNSEEN, np.uint8)
"""For each UTF-16 unit, whether a character that begins with it may need handling; filled on first
use."""
_HIGH = range(0xD800, 0xDC00)
_TOKEN = re.compile(rb"(?P<string>\x1b[\]PX^_][^\x07\x18\x1a\x1b]*+)|(?P<text>[\x80-\xff]++)")
_STRING_END = re.compile(rb"[\x07\x18\x1a\x1b]")
_CUT = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
_DESIGNATION = re.compile(rb"\x1b([()*+])[^B]")
_WITHOUT_CELLS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")
_AS_A_CLUSTER = f"\x1b[?{CLUSTERS}h\\g<0>\x1b[?{CLUSTERS}l"
"""Without autowrap, the library puts a combining mark after the last column into the previous
column, unless clusters are enabled."""
_WRAP = 7
_SHIFTS = ("\x1bN", "\x1bO")
"""SS2 and SS3."""


def original(text: str) -> str:
    """Convert text from the library to what the host sent."""
    return text if text.isascii() else text.translate(FROM_LIBRARY)


def stand_in(text: str) -> str:
    """Convert text to what the library contains."""
    return text if text.isascii() else text.translate(_TO_LIBRARY)


def _odd(text: str) -> frozenset[str]:
    """The characters of a text that have no cells of their own, whose width differs in the library,
    or that are stand-ins for such."""
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
    """Writes a host's output to one terminal of the library, which must not be freed."""

    __slots__ = ("_cut", "_mode", "_shift", "_special", "_terminal", "_truth", "marked")

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._cut = b""
        """The start of an incomplete character."""
        self._special = False
        """True if a character set other than ASCII may be active."""
        self._shift = 0
        self.marked = False
        """True if a combining mark may have been added to a cell, in which case the library does
        not report its row as changed."""
        self._mode = ffi.new("GhosttyTerminalModeConfig*", {"mode": CLUSTERS})
        self._truth = ffi.new("bool*")

    def write(self, data: bytes) -> None:
        """Write bytes from the host, cut anywhere but within control sequences."""
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
        """Look for character sets in the bytes that are about to be written."""
        for found in _DESIGNATION.finditer(data):
            self._special = True
            if found[1] == b"*":
                self._shift = 1

    def reset(self) -> None:
        """Reset, as RIS does."""
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
        """The end of a command string that began earlier."""
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
        """Return whether a DEC private mode is set."""
        self._mode.mode = mode
        lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode)
        return bool(self._mode.value)

    def _written(self, data: bytes) -> bytes:
        """Replace characters for the library."""
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
