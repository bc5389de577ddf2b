"""Reports of a user's file transfers, and of what was refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

from guacr.errors import GuacrError, InternalError
from guacr.quota import Quota
from guacr.session.events import Events, FilesChanged, Refused, TransferEnded, TransferStarted

if TYPE_CHECKING:
    from _hashlib import HASH


REFUSALS_MAX = 100
"""Maximum refusals of one user in `PERIOD` that are events of their own; others are counted, so
that neither a user nor a host hides those of others: the audit log has a limit for all."""
PERIOD = 60.0
"""Seconds."""


class TransferReports:
    """Publishes the transfers of one user, whose address is `peer`."""

    __slots__ = ("_events", "_peer", "_quota", "_session", "_user")

    def __init__(
        self,
        events: Events,
        session: str,
        user: str,
        peer: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._events = events
        self._session = session
        self._user = user
        self._peer = peer
        self._quota = Quota(REFUSALS_MAX, PERIOD, clock)

    def started(self, name: str, *, incoming: bool) -> HASH | None:
        """Publish that a transfer begins, and return the hash of its bytes."""
        self._events.publish(TransferStarted(self._session, self._user, name, incoming=incoming))
        return sha256() if self._events.observer is not None else None

    def changed(self, what: str) -> None:
        """Publish that the user has changed files, such as "deleted '/x' in Test card"."""
        self._events.publish(FilesChanged(self._session, self._user, what))

    def refused(self, error: Exception, name: str = "", *, incoming: bool | None = None) -> None:
        """Publish that something was refused before it began: a file, if it has a name."""
        if self._quota.admits(self._publish_excess):
            told = error if isinstance(error, GuacrError) else InternalError()
            self._publish_refusal(str(told), name, incoming)

    def flush(self) -> None:
        """Publish how many refusals had no event of their own."""
        if excess := self._quota.take_excess():
            self._publish_excess(excess)

    def _publish_excess(self, count: int) -> None:
        self._publish_refusal(f"{count} more requests of this user were refused", "", None)

    def _publish_refusal(self, reason: str, name: str, incoming: bool | None) -> None:
        self._events.publish(Refused(self._peer, reason, self._session, self._user, name, incoming))

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
