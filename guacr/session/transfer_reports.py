"""Reports of a user's file transfers, and of what was refused."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from guacr.errors import GuacrError, InternalError
from guacr.session.events import Events, FilesChanged, Refused, TransferEnded, TransferStarted

if TYPE_CHECKING:
    from _hashlib import HASH


class TransferReports:
    """Publishes the transfers of one user, whose address is `peer`."""

    __slots__ = ("_events", "_peer", "_session", "_user")

    def __init__(self, events: Events, session: str, user: str, peer: str) -> None:
        self._events = events
        self._session = session
        self._user = user
        self._peer = peer

    def started(self, name: str, *, incoming: bool) -> HASH | None:
        """Publish that a transfer begins, and return the hash of its bytes."""
        self._events.publish(TransferStarted(self._session, self._user, name, incoming=incoming))
        return sha256() if self._events.observer is not None else None

    def changed(self, what: str) -> None:
        """Publish that the user has changed files, such as "deleted '/x' in Test card"."""
        self._events.publish(FilesChanged(self._session, self._user, what))

    def refused(self, error: Exception, name: str = "", *, incoming: bool | None = None) -> None:
        """Publish that something was refused before it began: a file, if it has a name."""
        told = error if isinstance(error, GuacrError) else InternalError()
        self._events.publish(
            Refused(self._peer, str(told), self._session, self._user, name, incoming)
        )

    def ended(
        self, name: str, size: int, digest: HASH | None, *, incoming: bool, error: str
    ) -> None:
        """Publish that a transfer has ended, completely or with an error."""
        self._events.publish(
            TransferEnded(
                self._session,
                self._user,
                name,
                size,
                sha256="" if digest is None else digest.hexdigest(),
                incoming=incoming,
                error=error,
            )
        )
