"""The users' pointer."""

from __future__ import annotations

from collections.abc import Callable

from handlers.vnc.rfb import messages


class Pointer:
    """Sends the pointer's position and buttons to the server.

    Args:
        send: sends a message to the server.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._last = (0, 0, 0)
        self.is_extended = False
        """True if the server supports more than seven buttons."""

    @property
    def place(self) -> tuple[int, int]:
        """Where it was last."""
        return self._last[:2]

    def move(self, x: int, y: int, buttons: int) -> None:
        """Move the pointer to (x, y), with these buttons held."""
        self._last = x, y, buttons
        self._send(messages.pointer(x, y, buttons, extended=self.is_extended))

    def release(self) -> None:
        """Release the buttons that are held."""
        x, y, buttons = self._last
        if buttons:
            self.move(x, y, 0)
