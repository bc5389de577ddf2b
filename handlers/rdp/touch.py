"""The users' fingers on the desktop (MS-RDPEI 3.1.1.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from guacr.api import Contact, SessionContext, User
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.touch import (
    CONTACTS_MAX,
    DOWN,
    MOVED,
    PRESSURE_MAX,
    UP,
    Touch,
    Touchable,
    TouchFrame,
)

REFRESH = 0.05
"""Seconds after which fingers that rest are sent again: a host that injects touches ends those that
are not updated."""


class Touches:
    """The fingers of all users on the desktop of one server.

    Args:
        session: the session of the users.
        post: sends a message to the worker.
    """

    def __init__(self, session: SessionContext, post: Callable[[Message], None]) -> None:
        self._session = session
        self._post = post
        self._accepts = False
        self._slots: dict[tuple[User, int], int] = {}
        """The numbers of fingers, by their users and the users' numbers."""
        self._touches: dict[int, Touch] = {}
        """The fingers that are down, by their numbers."""
        self._timer: asyncio.TimerHandle | None = None

    def handle(self, message: Message) -> None:
        """Handle a message about touches."""
        if isinstance(message, Touchable):
            self._accept(message.accepted)

    def put(self, user: User, contact: Contact) -> None:
        """Handle a finger that touched the desktop, moved on it or was lifted."""
        key = user, contact.id
        if not self._accepts or (slot := self._slot(key, contact)) is None:
            return
        phase = UP if contact.lifted else MOVED if slot in self._touches else DOWN
        self._touches[slot] = Touch(
            slot,
            phase,
            contact.x,
            contact.y,
            contact.radius_x,
            contact.radius_y,
            round(-contact.angle) % 360,
            round(contact.force * PRESSURE_MAX),
        )
        self._send()
        if phase == UP:
            del self._slots[key], self._touches[slot]
        else:
            self._touches[slot] = self._touches[slot]._replace(phase=MOVED)

    def end(self) -> None:
        """Lift all fingers: the connection ends."""
        if self._touches:
            lifted = [touch._replace(phase=UP) for touch in self._touches.values()]
            self._post(TouchFrame.of(lifted))
        self._accept(False)

    def _slot(self, key: tuple[User, int], contact: Contact) -> int | None:
        """Return the number of a finger; None if it is not known, or one too many."""
        if key not in self._slots and not contact.lifted:
            free = set(range(CONTACTS_MAX)) - set(self._slots.values())
            if free:
                self._slots[key] = min(free)
        return self._slots.get(key)

    def _accept(self, accepts: bool) -> None:
        if accepts == self._accepts:
            return
        self._accepts = accepts
        self._slots.clear()
        self._touches.clear()
        self._stop()
        self._session.display.accept_touches(CONTACTS_MAX if accepts else 0)
        self._session.changed()

    def _send(self) -> None:
        """Send all fingers, and again soon if none of them changes until then."""
        self._stop()
        self._post(TouchFrame.of(self._touches.values()))
        if any(touch.phase != UP for touch in self._touches.values()):
            self._timer = asyncio.get_running_loop().call_later(REFRESH, self._send)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
