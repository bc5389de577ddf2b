"""The codes of keys that are at the same place on every layout, by keysym.

Codes are those of scan code set 1, plus `EXTENDED` for those with the prefix 0xE0.
"""

from __future__ import annotations

EXTENDED = 0x100

SHIFT_LEFT, SHIFT_RIGHT = 0x2A, 0x36
CONTROL_LEFT, CONTROL_RIGHT = 0x1D, EXTENDED | 0x1D
ALT_LEFT, ALT_RIGHT = 0x38, EXTENDED | 0x38
WIN_LEFT, WIN_RIGHT = EXTENDED | 0x5B, EXTENDED | 0x5C
SHIFTS = frozenset((SHIFT_LEFT, SHIFT_RIGHT))
CONTROLS = frozenset((CONTROL_LEFT, CONTROL_RIGHT))
ALTS = frozenset((ALT_LEFT, ALT_RIGHT))
WINS = frozenset((WIN_LEFT, WIN_RIGHT))
MODIFIERS = SHIFTS | CONTROLS | ALTS | WINS

ALTGR_KEYSYMS = frozenset((0xFE03, 0xFF7E))
"""ISO_Level3_Shift and Mode_switch."""

TAB, LEFT_TAB = 0x0F, 0xFE20
"""The code of Tab, and the keysym ISO_Left_Tab, which X sends for Shift+Tab."""
BACKSPACE = 0x0E

CAPS_LOCK, NUM_LOCK, SCROLL_LOCK = 0x3A, 0x45, 0x46
PAUSE, BREAKS = 0xFF13, frozenset((0xFF69, 0xFF6B))
"""The keysyms Pause, and Cancel and Break, which are Pause with Ctrl."""
BREAK = EXTENDED | 0x46
PRINT, PRINT_SCREEN, SYSTEM_REQUEST = 0xFF61, EXTENDED | 0x37, 0x54
"""The keysym Print, its code, and its code with Alt, which is also that of Sys_Req."""

KEYPAD_DECIMAL, KEYPAD_SEPARATOR = 0xFFAE, 0xFFAC
KEYPAD_NUMBERS = {
    0xFFB0: 0x52, 0xFFB1: 0x4F, 0xFFB2: 0x50, 0xFFB3: 0x51, 0xFFB4: 0x4B,
    0xFFB5: 0x4C, 0xFFB6: 0x4D, 0xFFB7: 0x47, 0xFFB8: 0x48, 0xFFB9: 0x49,
    KEYPAD_DECIMAL: 0x53,
}  # fmt: skip
"""KP_0 to KP_9, and KP_Decimal: they need Num Lock."""
KEYPAD_MOVES = {
    0xFF95: 0x47, 0xFF96: 0x4B, 0xFF97: 0x48, 0xFF98: 0x4D, 0xFF99: 0x50, 0xFF9A: 0x49,
    0xFF9B: 0x51, 0xFF9C: 0x4F, 0xFF9D: 0x4C, 0xFF9E: 0x52, 0xFF9F: 0x53,
}  # fmt: skip
"""KP_Home to KP_Delete: the same keys without Num Lock. With the prefix, they are the keys of the
same name that are not on the keypad, which Num Lock does not change."""
CLEAR = 0x59

KEYS = {
    # Backspace, Tab, Linefeed, Clear, Return, Escape
    0xFF08: BACKSPACE, 0xFF09: TAB, 0xFF0A: 0x1C, 0xFF0B: CLEAR, 0xFF0D: 0x1C, 0xFF1B: 0x01,
    # Shift, Control, Alt, Meta, Super, Hyper, Menu
    0xFFE1: SHIFT_LEFT, 0xFFE2: SHIFT_RIGHT, 0xFFE3: CONTROL_LEFT, 0xFFE4: CONTROL_RIGHT,
    0xFFE9: ALT_LEFT, 0xFFEA: ALT_RIGHT, 0xFFE7: WIN_LEFT, 0xFFE8: WIN_RIGHT, 0xFFEB: WIN_LEFT,
    0xFFEC: WIN_RIGHT, 0xFFED: WIN_LEFT, 0xFFEE: WIN_RIGHT, 0xFF67: EXTENDED | 0x5D,
    # Sys_Req, Help
    0xFF15: SYSTEM_REQUEST, 0xFF6A: 0x63,
    # Home, arrows, Page Up, Page Down, End, Insert, Delete
    0xFF50: EXTENDED | 0x47, 0xFF51: EXTENDED | 0x4B, 0xFF52: EXTENDED | 0x48,
    0xFF53: EXTENDED | 0x4D, 0xFF54: EXTENDED | 0x50, 0xFF55: EXTENDED | 0x49,
    0xFF56: EXTENDED | 0x51, 0xFF57: EXTENDED | 0x4F, 0xFF63: EXTENDED | 0x52,
    0xFFFF: EXTENDED | 0x53,
    # F1 to F10, F11, F12, F13 to F23, F24, and F1 to F4 of the keypad
    **{0xFFBE + at: 0x3B + at for at in range(10)}, 0xFFC8: 0x57, 0xFFC9: 0x58,
    **{0xFFCA + at: 0x64 + at for at in range(11)}, 0xFFD5: 0x76,
    **{0xFF91 + at: 0x3B + at for at in range(4)},
    # KP_Tab, KP_Enter, and the operators
    0xFF89: TAB, 0xFF8D: EXTENDED | 0x1C, 0xFFAA: 0x37, 0xFFAB: 0x4E, 0xFFAD: 0x4A,
    0xFFAF: EXTENDED | 0x35,
    # XFree86's keys: volume down, mute, up; play, stop, previous, next; home page, mail, search,
    # calculator, back, forward, stop, refresh, favourites, my computer, media player
    0x1008FF11: EXTENDED | 0x2E, 0x1008FF12: EXTENDED | 0x20, 0x1008FF13: EXTENDED | 0x30,
    0x1008FF14: EXTENDED | 0x22, 0x1008FF15: EXTENDED | 0x24, 0x1008FF16: EXTENDED | 0x10,
    0x1008FF17: EXTENDED | 0x19, 0x1008FF18: EXTENDED | 0x32, 0x1008FF19: EXTENDED | 0x6C,
    0x1008FF1B: EXTENDED | 0x65, 0x1008FF1D: EXTENDED | 0x21, 0x1008FF26: EXTENDED | 0x6A,
    0x1008FF27: EXTENDED | 0x69, 0x1008FF28: EXTENDED | 0x68, 0x1008FF29: EXTENDED | 0x67,
    0x1008FF30: EXTENDED | 0x66, 0x1008FF33: EXTENDED | 0x6B, 0x1008FF32: EXTENDED | 0x6D,
}  # fmt: skip

LOCK_KEYS = {
    0xFFE5: (CAPS_LOCK, "caps"), 0xFFE6: (CAPS_LOCK, "caps"), 0xFF7F: (NUM_LOCK, "num"),
    0xFF14: (SCROLL_LOCK, "scroll"),
}  # fmt: skip
"""Caps_Lock, Shift_Lock, Num_Lock, Scroll_Lock: the code, and the field of `Locks`."""

INPUT_METHOD = {0xFF31: 0x72, 0xFF34: 0x71, 0xFF22: 0x7B, 0xFF23: 0x79, 0xFF27: 0x70}
"""Hangul, Hangul_Hanja, Muhenkan, Henkan, Hiragana_Katakana."""
JAPANESE = INPUT_METHOD | {
    # Kanji, Hiragana, Katakana, Zenkaku, Hankaku, Zenkaku_Hankaku, Kana_Lock, Eisu_toggle
    0xFF21: 0x29, 0xFF25: 0x70, 0xFF26: 0x70, 0xFF28: 0x29, 0xFF29: 0x29, 0xFF2A: 0x29,
    0xFF2D: 0x70, 0xFF30: CAPS_LOCK,
}  # fmt: skip
KOREAN = INPUT_METHOD | {0xFF31: ALT_RIGHT, 0xFF34: CONTROL_RIGHT}
"""On Korean keyboards with 101 keys, the right Alt is Hangul, the right Ctrl is Hanja."""
INPUT_METHODS = {4: INPUT_METHOD, 7: JAPANESE, 8: KOREAN}
"""The keys of input methods by the layout's keyboard type. Clients alternate between two keysyms
for some of them, so they are released at once."""

_ROWS = (
    (0x02, "1234567890-="), (0x10, "qwertyuiop[]"), (0x1E, "asdfghjkl;'`"), (0x2B, "\\zxcvbnm,./"),
)  # fmt: skip
US_KEYS = {key: first + at for first, row in _ROWS for at, key in enumerate(row)}
"""The codes of the keys of a US keyboard."""
