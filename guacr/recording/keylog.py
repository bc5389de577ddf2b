"""The keys of a recording as text, as guaclog writes them: characters, and other keys by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINE_AFTER = 5000
"""Milliseconds without a key after which a new line begins."""
LINE_MAX = 200
"""Maximum keys in a line."""

_MODIFIERS = {
    0xFFE3: "Ctrl", 0xFFE4: "Ctrl", 0xFFE9: "Alt", 0xFFEA: "Alt", 0xFFE7: "Meta", 0xFFE8: "Meta",
    0xFFEB: "Super", 0xFFEC: "Super", 0xFFED: "Hyper", 0xFFEE: "Hyper",
}  # fmt: skip
_SILENT = frozenset({0xFFE1, 0xFFE2, 0xFFE5, 0xFFE6, 0xFF7F, 0xFE03})
"""Shift, the locks and AltGr, whose effect is in the other keys."""
_RETURN = frozenset({0xFF0D, 0xFF8D})
_NAMES = {
    0xFF08: "Backspace", 0xFF09: "Tab", 0xFF0D: "Return", 0xFF13: "Pause", 0xFF1B: "Escape",
    0xFF50: "Home", 0xFF51: "Left", 0xFF52: "Up", 0xFF53: "Right", 0xFF54: "Down",
    0xFF55: "PageUp", 0xFF56: "PageDown", 0xFF57: "End", 0xFF61: "Print", 0xFF63: "Insert",
    0xFF67: "Menu", 0xFF8D: "Enter", 0xFFFF: "Delete",
}  # fmt: skip
"""Keysyms of X11 (keysymdef.h)."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys that were typed one after the other."""

    time: int
    """Of the first, in milliseconds."""
    text: str


def typed(keys: Iterable[tuple[int, int, bool]]) -> Iterator[Typed]:
    """Yield lines of keys, which are given as times, keysyms and whether they went down."""
    held: dict[int, str] = {}
    parts: list[str] = []
    start = last = 0
    for time, keysym, pressed in keys:
        if keysym in _MODIFIERS:
            held.pop(keysym, None)
            if pressed:
                held[keysym] = _MODIFIERS[keysym]
        elif pressed and keysym not in _SILENT:
            if parts and (time - last > LINE_AFTER or len(parts) >= LINE_MAX):
                yield Typed(start, "".join(parts))
                parts = []
            start = start if parts else time
            parts.append(_shown(keysym, held.values()))
            last = time
            if keysym in _RETURN:
                yield Typed(start, "".join(parts))
                parts = []
    if parts:
        yield Typed(start, "".join(parts))


def _shown(keysym: int, modifiers: Iterable[str]) -> str:
    character = _character(keysym)
    name = character or _NAMES.get(keysym) or _function_key(keysym) or f"0x{keysym:X}"
    keys = [*dict.fromkeys(modifiers), name]
    return name if character and len(keys) == 1 else f"<{'+'.join(keys)}>"


def _character(keysym: int) -> str:
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if 0xFFB0 <= keysym <= 0xFFB9:  # the numeric keypad
        return chr(keysym - 0xFFB0 + ord("0"))
    point = keysym - 0x1000000
    if 0xA0 <= point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF and chr(point).isprintable():
        return chr(point)
    return ""


def _function_key(keysym: int) -> str:
    return f"F{keysym - 0xFFBD}" if 0xFFBE <= keysym <= 0xFFE0 else ""
