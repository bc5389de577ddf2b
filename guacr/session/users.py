"""The users of one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from guacr.protocol.instruction import encode
from guacr.session.link import Hold
from guacr.session.user import User
from guacr.showable import showable

JOINED, LEFT = 1, 2
"""Codes of a `msg` (libguac's guacamole/protocol-constants.h)."""


class Users:
    """The users who are in the session, in the order in which they joined."""

    __slots__ = ("_present", "paused")

    def __init__(self) -> None:
        self._present: dict[str, User] = {}
        self.paused = False
        """True if nothing is read from them, because the remote host accepts no input."""

    def __iter__(self) -> Iterator[User]:
        """Iterate over a copy, since users may leave in the meantime."""
        return iter(list(self._present.values()))

    def __len__(self) -> int:
        return len(self._present)

    def __contains__(self, user: object) -> bool:
        return isinstance(user, User) and self._present.get(user.id) is user

    @property
    def owner(self) -> User | None:
        """The user who opened the session, or None if that user has left."""
        return next((user for user in self._present.values() if user.owner), None)

    def add(self, user: User) -> None:
        """Add a user who has joined."""
        self._present[user.id] = user
        if self.paused:
            user.link.hold(Hold.HOST)

    def remove(self, user: User) -> None:
        """Remove a user who has left."""
        del self._present[user.id]

    def pause(self) -> None:
        """Read nothing from them, nor from those who join, until `resume`."""
        self.paused = True
        for user in self:
            user.link.hold(Hold.HOST)

    def resume(self) -> None:
        """Read from them again."""
        self.paused = False
        for user in self:
            user.link.release(Hold.HOST)

    def send(self, data: bytes, users: Iterable[User] | None = None) -> None:
        """Send whole instructions to all users, or only to `users`."""
        for user in self if users is None else users:
            user.send(data)

    def notify_owner(self, code: int, about: User) -> None:
        """Tell the owner that another user has joined or left, unless that user is hidden."""
        if about.is_hidden:
            return
        owner = self.owner
        if owner is not None and owner is not about and owner.info.takes_msg:
            owner.send(encode("msg", code, about.id, showable(about.known_as, lambda _: "")))
