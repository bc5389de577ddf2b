"""The keyboard: keysyms, and key positions for servers that request them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from handlers.vnc.keycodes import (
    CAPS_LOCK,
    KEYPAD_DIGITS,
    KEYS,
    NUM_LOCK,
    SHIFT_LEFT,
    SHIFT_RIGHT,
)
from handlers.vnc.rfb import messages

NUM_LED, CAPS_LED = 1 << 1, 1 << 2
HELD_MAX = 64
"""Keys that are remembered as pressed."""
SHIFTS = frozenset((SHIFT_LEFT, SHIFT_RIGHT))
MODIFIERS = SHIFTS | {0xFFE3, 0xFFE4, *range(0xFFE7, 0xFFEF), 0xFE03}
"""With Control, Meta, Alt, Super, Hyper and AltGr, but without the lock keys."""


class Keyboard:
    """Sends keys to the server, which may be a virtual machine that knows only key positions.

    A key is sent with its position on a US keyboard if the keysym determines it, that is, if that
    keyboard needs Shift in its current state for this keysym. Other keys, such as a slash typed
    with Shift on a German keyboard, are sent only as keysyms, which servers map to their keyboard.

    Args:
        send: sends a message to the server.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.takes_places = False
        """True if the server supports QEMU's extended key events."""
        self.leds: int | None = None
        """The lock keys that are on, if the server reports them."""
        self._send = send
        self._shifts: set[int] = set()
        self._pressed: dict[int, int] = {}
        """The keycodes of the pressed keys by keysym; 0 for those that were sent without one."""

    def begin(self, held: Iterable[int]) -> None:
        """Press the modifiers among the keys that users hold down: they were pressed before
        anything could be sent, and will not be pressed again."""
        self._pressed.clear()
        self._shifts.clear()
        for keysym in held:
            if keysym in MODIFIERS:
                self.key(keysym, True)

    def key(self, keysym: int, pressed: bool) -> None:
        """Press or release a key."""
        if not pressed:
            self._shifts.discard(keysym)
            self._put(keysym, self._pressed.pop(keysym, 0), False)
            return
        self._follow_locks(keysym)
        code = 0
        if len(self._pressed) < HELD_MAX or keysym in self._pressed:
            code = self._pressed[keysym] = self._code(keysym)
        self._put(keysym, code, True)
        if keysym in SHIFTS:
            self._shifts.add(keysym)

    def release_all(self) -> None:
        """Release all pressed keys, because the connection ends."""
        for keysym in list(self._pressed):
            self.key(keysym, False)

    def _code(self, keysym: int) -> int:
        """Return the key's position; 0 if it should be sent only as a keysym."""
        if not self.takes_places:
            return 0
        code, shift = KEYS.get(keysym, (0, None))
        if shift is None or shift == self._shifted(keysym):
            return code
        return 0

    def _shifted(self, keysym: int) -> bool:
        """Return whether the server's keyboard produces the shifted character for this key."""
        caps = bool((self.leds or 0) & CAPS_LED) and _is_letter(keysym)
        return bool(self._shifts) != caps

    def _follow_locks(self, keysym: int) -> None:
        """Press the server's Caps Lock or Num Lock if the key shows that the user's one differs."""
        if self.leds is None or not self.takes_places:
            return
        if _is_letter(keysym) and KEYS[keysym][1] != self._shifted(keysym):
            self._toggle(CAPS_LOCK, CAPS_LED)
        elif keysym in KEYPAD_DIGITS and not self.leds & NUM_LED:
            self._toggle(NUM_LOCK, NUM_LED)

    def _toggle(self, keysym: int, led: int) -> None:
        for pressed in (True, False):
            self._put(keysym, KEYS[keysym][0], pressed)
        self.leds = (self.leds or 0) ^ led  # until the server reports it

    def _put(self, keysym: int, code: int, pressed: bool) -> None:
        if code:
            self._send(messages.extended_key(keysym, code, pressed))
        else:
            self._send(messages.key(keysym, pressed))


def _is_letter(keysym: int) -> bool:
    return keysym < 0x80 and chr(keysym).isalpha()
