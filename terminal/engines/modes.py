"""The replies to DECRQM for modes that a host can neither set nor reset, with any engine.

Modes that are not listed here and reported as set or reset take effect when changed; a test checks
all of them.
"""

from __future__ import annotations

NOT_RECOGNIZED, PERMANENTLY_SET, PERMANENTLY_RESET = 0, 3, 4

FIXED_PRIVATE = {
    3: PERMANENTLY_RESET,  # DECCOLM: the width is up to the person
    4: PERMANENTLY_RESET,  # DECSCLM: frames have their own rate
    40: PERMANENTLY_RESET,  # which allows DECCOLM
    60: PERMANENTLY_RESET,  # DECHCCM: there is one page, as wide as the window
    117: PERMANENTLY_RESET,  # DECECM: erased cells have the current background
    1035: PERMANENTLY_SET,  # Num Lock counts, not the application keypad
    1036: PERMANENTLY_SET,  # Meta sends ESC
    1039: PERMANENTLY_SET,  # and so does Alt
    2033: NOT_RECOGNIZED,
}
FIXED_ANSI = {
    **dict.fromkeys((1, 5, 7, 10, 11, *range(13, 20)), PERMANENTLY_RESET),  # forms and editing
    2: PERMANENTLY_RESET,  # KAM: hosts cannot lock a person's keyboard
    12: PERMANENTLY_SET,  # SRM: the host echoes
}
