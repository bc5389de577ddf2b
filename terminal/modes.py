"""Modes that a host can neither set nor reset, whatever the engine: what DECRQM is answered.

What is not here, and is reported as set or reset, works when it is changed; a test goes through
all of them.
"""

from __future__ import annotations

NOT_RECOGNIZED, PERMANENTLY_SET, PERMANENTLY_RESET = 0, 3, 4

FIXED_PRIVATE = {
    3: PERMANENTLY_RESET,  # DECCOLM: the window's width is the person's
    4: PERMANENTLY_RESET,  # DECSCLM: frames have their own pace
    40: PERMANENTLY_RESET,  # which allows DECCOLM
    60: PERMANENTLY_RESET,  # DECHCCM: there is one page, of the window's width
    117: PERMANENTLY_RESET,  # DECECM: erased cells have the background that holds
    1035: PERMANENTLY_SET,  # Num Lock counts, not the application keypad
    1036: PERMANENTLY_SET,  # Meta sends ESC
    1039: PERMANENTLY_SET,  # and so does Alt
    2033: NOT_RECOGNIZED,
}
FIXED_ANSI = {
    **dict.fromkeys((1, 5, 7, 10, 11, *range(13, 20)), PERMANENTLY_RESET),  # of forms and editing
    2: PERMANENTLY_RESET,  # KAM: no host locks a person's keyboard
    12: PERMANENTLY_SET,  # SRM: the host echoes
}
