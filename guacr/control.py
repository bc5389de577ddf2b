"""Operators' view of sessions, and actions on them; the core of every control interface."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.errors import GuacrError
from guacr.session.registry import SessionRegistry
from guacr.session.session import Session


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session, without secrets."""

    id: str
    protocol: str
    host: str
    """The remote host; empty if the protocol has none."""
    username: str
    """The user name there, if known."""
    client: str
    """The address of the user who opened it; empty once that user has left."""
    subject: str
    """The person whom a token was made for; empty if there is none."""
    since: float
    """Seconds since 1970."""
    users: int
    received: int
    """Bytes from its users so far."""
    sent: int
    """Bytes to its users so far."""


class Control:
    """Lists sessions and ends them."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry

    async def sessions(self) -> list[SessionInfo]:
        """Return every session, the oldest first."""
        return [_info(session) for session in self._registry.sessions.values()]

    async def end(self, connection_id: str, error: GuacrError) -> None:
        """End a session; its users are sent the status and the sentence of `error`.

        Raises:
            NotFoundError: the session is unknown.
        """
        self._registry.find(connection_id).session.close(error)


def _info(session: Session) -> SessionInfo:
    target, traffic, owner = session.target, session.traffic, session.users.owner
    return SessionInfo(
        id=session.id,
        protocol=session.protocol,
        host=target.host,
        username=target.user,
        client="" if owner is None else owner.link.peer,
        subject=session.context.origin.subject,
        since=session.since,
        users=len(session.users),
        received=traffic.received,
        sent=traffic.sent,
    )
