"""The pointer that viewers see, moved by one of them or by the host."""

from __future__ import annotations

from collections.abc import Callable

from guacr.display.display import Display
from guacr.protocol.instruction import encode
from guacr.session.frames.throttle import Throttle
from guacr.session.user import User
from guacr.session.users import Users


class Pointer:
    """The last known position of the pointer, and the `mouse` instructions that announce it.

    Args:
        display: the display on whose layer 0 the pointer is.
        users: those who are sent the position.
        timestamp: returns the time of an instruction, in milliseconds.
        interval: minimum seconds between two moves by the host.
    """

    __slots__ = ("_display", "_from_host", "_seen", "_timestamp", "_users")

    def __init__(
        self, display: Display, users: Users, timestamp: Callable[[], int], interval: float
    ) -> None:
        self._display = display
        self._users = users
        self._timestamp = timestamp
        self._seen: tuple[int, int, int] | None = None
        """The position and the buttons; None until the pointer has moved."""
        self._from_host = Throttle(interval, self._send_to_all)

    def moved_by(self, mover: User, x: int, y: int, buttons: int) -> None:
        """Show one user's pointer to the others."""
        self._seen = (x, y, buttons)
        if len(self._users) > 1:
            others = [user for user in self._users if user is not mover]
            self._users.send(self._message(), others)

    def move(self, x: int, y: int) -> None:
        """Move the pointer to (x, y) of layer 0 for every user, no more often than `interval`
        allows."""
        buttons = 0 if self._seen is None else self._seen[2]
        self._seen = (*self._display.nearest(x, y), buttons)
        self._from_host.put(self._message())

    def show_to(self, user: User) -> None:
        """Send the position to a joining user."""
        if self._seen is not None:
            user.send(self._message())

    def finish(self) -> None:
        """Send the last pending position, and nothing more: the session ends."""
        self._from_host.finish()

    def _message(self) -> bytes:
        x, y, buttons = self._seen or (0, 0, 0)
        return encode("mouse", x, y, buttons, self._timestamp())

    def _send_to_all(self, message: bytes) -> int:
        self._users.send(message)
        return len(message)
