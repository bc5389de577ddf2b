"""The users' pointer, as MS-RDPBCGR 2.2.8.1.1.3.1.1.3 describes its events."""

from __future__ import annotations

from collections.abc import Callable

from handlers.rdp.channel.messages import Mouse

MOVED, DOWN = 0x0800, 0x8000
BUTTONS = {1: 0x1000, 4: 0x2000, 2: 0x4000}
"""The flags of the left, right and middle button, by Guacamole's mask."""
EXTENDED = {128: 0x0001, 256: 0x0002}
"""Those of the back and forward button, which have events of their own."""
STEP = 120
"""The rotation of one step of a wheel."""
WHEEL, HORIZONTAL, NEGATIVE = 0x0200, 0x0400, 0x0100
WHEELS = {
    8: WHEEL | STEP,
    16: WHEEL | NEGATIVE | (0x100 - STEP),
    32: HORIZONTAL | NEGATIVE | (0x100 - STEP),
    64: HORIZONTAL | STEP,
}
"""The events of a step up, down, left and right; a negative rotation is a two's complement of nine
bits, whose sign is `NEGATIVE`."""


class Pointer:
    """Sends the pointer's position and buttons to the server.

    Args:
        post: sends a message to the worker.
    """

    def __init__(self, post: Callable[[Mouse], None]) -> None:
        self._post = post
        self._at = (-1, -1)
        self._held = 0

    def move(self, x: int, y: int, buttons: int) -> None:
        """Move the pointer to (x, y), with these buttons of Guacamole's mask held."""
        if (x, y) != self._at:
            self._at = x, y
            self._put(MOVED)
        changed, self._held = self._held ^ buttons, buttons
        for bit, flags in WHEELS.items():
            if changed & buttons & bit:
                self._put(flags)
        for known, extended in ((BUTTONS, False), (EXTENDED, True)):
            for bit, flags in known.items():
                if changed & bit:
                    self._put(flags | (DOWN if buttons & bit else 0), extended=extended)

    def release(self) -> None:
        """Release the buttons that are held."""
        if self._held:
            self.move(*self._at, 0)

    def _put(self, flags: int, *, extended: bool = False) -> None:
        x, y = (min(max(place, 0), 0xFFFF) for place in self._at)
        self._post(Mouse(extended, flags, x, y))
