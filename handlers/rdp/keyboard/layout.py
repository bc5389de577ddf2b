"""The keyboard layouts of Windows, by guacd's names and more names of the same kind.

`layouts.jsonl` has one layout per line, made by `tests/handlers/rdp/keyboard/generate.py`:

- `names`: such as `de-ch-qwertz`: language, region, variant, first row of letters.
- `id`: the Windows identifier of the layout, which the connection sends.
- `hardware`: the type and subtype of the keyboard, for which Windows chooses the layout's table.
- `altgr`: whether the right Alt key is AltGr, which is Ctrl and Alt. It is an Alt key otherwise.
- `decimal`: the character of the keypad's decimal key.
- `letters`: the scan codes of the virtual keys 0 to 9 and A to Z, which shortcuts mean.
- `keys`: the characters of a scan code alone, with Shift, AltGr, and both, and then the four with
  Caps Lock, if that makes a difference. A character with a star after it is dead.
- `dead`: for each dead character, pairs of a character and what both become.

A line is parsed in about 1 ms, only when it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from string import ascii_uppercase, digits
from typing import Any, NamedTuple

FAILSAFE = "failsafe"
"""guacd's name for no layout: characters are sent as such."""
DEFAULT = "en-us-qwerty"

_FILE = Path(__file__).with_name("layouts.jsonl")

LAYOUTS_KEPT = 8
"""Maximum parsed layouts in memory, about 60 KiB each."""

_LAST = 0x56
"""The key that only European keyboards have; other keys are used if they type the same."""


class Stroke(NamedTuple):
    """A key with the modifiers that type a character."""

    code: int
    shift: bool = False
    altgr: bool = False


class Layout:
    """A layout of the server's keyboard."""

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        self.name = name
        self.identifier: int = data["id"]
        """The identifier of Windows, such as 0x409 (`KeyboardLayout` in FreeRDP)."""
        self.keyboard_type: int
        """4 for most keyboards, 7 for Japanese, 8 for Korean ones."""
        self.keyboard_subtype: int
        self.keyboard_type, self.keyboard_subtype = data["hardware"]
        self.has_altgr: bool = data["altgr"]
        self.decimal: str = data["decimal"]
        self.is_failsafe = name == FAILSAFE
        codes = bytes.fromhex(data["letters"])
        self._letters = dict(zip(digits + ascii_uppercase, codes, strict=True))
        self._plain: tuple[dict[str, list[Stroke]], ...] = ({}, {})
        """The strokes by character, without and with Caps Lock; the best first. With Caps Lock,
        only those that do the same on all servers."""
        self._dead: tuple[dict[str, list[Stroke]], ...] = ({}, {})
        self._composed: dict[str, list[tuple[str, str]]] = {}
        """The dead characters and the characters after them, by result."""
        for character, caps, stroke in _strokes(data["keys"]):
            table = self._dead if len(character) == 2 else self._plain
            table[caps].setdefault(character[0], []).append(stroke)
        for accent, pairs in data["dead"].items():
            for base, result in zip(pairs[::2], pairs[1::2], strict=True):
                self._composed.setdefault(result, []).append((accent, base))

    def strokes(self, character: str, *, caps: bool) -> list[tuple[Stroke, ...]]:
        """Return the ways to type a character, the best first: one stroke, or two with a dead key.
        Empty if the layout lacks it, or if it is the failsafe layout, except for a space."""
        if self.is_failsafe and character != " ":
            return []
        if plain := self._plain[caps].get(character):
            return [(stroke,) for stroke in plain]
        return [
            (first, second)
            for accent, base in self._composed.get(character, ())
            for first in self._dead[caps].get(accent, ())
            for second in self._plain[caps].get(base, ())
        ]

    def key(self, character: str) -> int:
        """Return the scan code of the key that a shortcut with this character means: the key of the
        letter or digit, or else the key that types the character with any modifiers. 0 if the
        layout has none."""
        if code := self._letters.get(character.upper() if character.isascii() else character):
            return code
        for table in (self._plain[False], self._dead[False]):
            if strokes := table.get(character):
                return strokes[0].code
        return 0


@lru_cache(maxsize=LAYOUTS_KEPT)
def layout_named(name: str) -> Layout:
    """Return a layout by its name; it reads a file of 300 KiB.

    Raises:
        KeyError: the name is unknown.
    """
    wanted = DEFAULT if name == FAILSAFE else name
    data = _FILE.read_bytes()
    at = data.find(json.dumps(wanted).encode())
    line = data[data.rfind(b"\n", 0, at) + 1 : data.find(b"\n", at)] if at >= 0 else b""
    if line and wanted in (layout := json.loads(line))["names"]:
        return Layout(name, layout)
    raise KeyError(name)


@lru_cache(maxsize=1)
def layout_names() -> tuple[str, ...]:
    """Return all names that `layout_named` accepts, in order."""
    lines = _FILE.read_bytes().splitlines()
    names = (json.loads(line[line.index(b"[") : line.index(b"]") + 1]) for line in lines)
    return tuple(sorted([FAILSAFE, *chain.from_iterable(names)]))


def _strokes(keys: Mapping[str, list[str]]) -> Iterator[tuple[str, bool, Stroke]]:
    """The characters, the state of Caps Lock and the stroke; those with fewer modifiers first."""
    codes = sorted((int(code, 16), row) for code, row in keys.items())
    codes.sort(key=lambda one: one[0] == _LAST)
    for level in range(4):
        for code, row in codes:
            if level < len(row) and row[level]:
                stroke = Stroke(code, bool(level & 1), bool(level & 2))
                yield row[level], False, stroke
                if character := _with_caps(row, level):
                    yield character, True, stroke


def _with_caps(row: list[str], level: int) -> str:
    """Return what a key types with Caps Lock on Windows and on X alike, if it does: X changes
    letters on any key, Windows also other characters on some keys."""
    plain = row[level]
    caps = row[level + 4 : level + 5] or [""] if len(row) > 4 else [plain]
    is_letter = plain[0].lower() != plain[0].upper()
    expected = plain.swapcase() if is_letter and level < 2 else plain
    agrees = caps[0] == expected and (level < 2 or not is_letter)
    return expected if agrees else ""
