"""Names of keys and buttons, for people."""

from __future__ import annotations

import unicodedata

from terminal.input.keysyms import character

NAMES = {
    0xFF08: "BackSpace",
    0xFF09: "Tab",
    0xFF0D: "Return",
    0xFF13: "Pause",
    0xFF14: "Scroll_Lock",
    0xFF1B: "Escape",
    0xFF50: "Home",
    0xFF51: "Left",
    0xFF52: "Up",
    0xFF53: "Right",
    0xFF54: "Down",
    0xFF55: "Page_Up",
    0xFF56: "Page_Down",
    0xFF57: "End",
    0xFF61: "Print",
    0xFF63: "Insert",
    0xFF67: "Menu",
    0xFF7F: "Num_Lock",
    0xFF8D: "KP_Enter",
    0xFFE1: "Shift_L",
    0xFFE2: "Shift_R",
    0xFFE3: "Control_L",
    0xFFE4: "Control_R",
    0xFFE5: "Caps_Lock",
    0xFFE7: "Meta_L",
    0xFFE8: "Meta_R",
    0xFFE9: "Alt_L",
    0xFFEA: "Alt_R",
    0xFFEB: "Super_L",
    0xFFEC: "Super_R",
    0xFFFF: "Delete",
    0xFE03: "ISO_Level3_Shift",
} | {0xFFBD + number: f"F{number}" for number in range(1, 25)}
"""Names as in X11's keysymdef.h."""

BUTTONS = ((1, "left"), (2, "middle"), (4, "right"), (8, "wheel up"), (16, "wheel down"))


def describe_key(keysym: int) -> str:
    """Return a key's character and its name, as far as they exist."""
    text = character(keysym)
    if text is not None:
        return f"{text}  {unicodedata.name(text, f'U+{ord(text):04X}')}"
    return NAMES.get(keysym, "unknown key")


def describe_buttons(mask: int) -> str:
    """Return the names of the pressed buttons."""
    return ", ".join(name for bit, name in BUTTONS if mask & bit) or "none"
