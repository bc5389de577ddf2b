"""The limits that apply to a session or to a user: those of all, of the connection and of the
token, of which the strictest counts."""

from __future__ import annotations

from collections.abc import Iterator

from guacr.addresses import network_of
from guacr.limits.book import Claim
from guacr.limits.refusal import Scope
from guacr.session.origin import Origin
from guacr.settings.limits import NO_LIMITS
from guacr.settings.models import Settings


class Terms:
    """The limits under `settings` for a client of this origin.

    Args:
        settings: those at the start of the session.
        origin: that of the session's or the user's parameters.
        connection: the configured connection of the session; by default, that of the origin.
    """

    def __init__(self, settings: Settings, origin: Origin, connection: str | None = None) -> None:
        self._settings = settings
        self._origin = origin
        self._network = _network(origin.client.address)
        self._connection = origin.connection if connection is None else connection
        configured = settings.connections.get(self._connection)
        self._own = NO_LIMITS if configured is None else configured.limits
        self._token = origin.terms.limits
        self._person = self._token if origin.subject else NO_LIMITS
        """The limits of the token that are its person's; those of one without a subject are its
        own."""

    @property
    def users(self) -> int:
        """The most users in the session."""
        most = self._settings.session.max_users
        return int(strictest(most, self._own.users, self._token.users))

    @property
    def session_length(self) -> float:
        """Seconds after which the session ends; 0 for never."""
        most = self._settings.limits.session_length
        return strictest(most, self._own.session_length, self._token.session_length)

    @property
    def idle_time(self) -> float:
        """Seconds without input after which the session ends; 0 for never."""
        most = self._settings.limits.idle_time
        return strictest(most, self._own.idle_time, self._token.idle_time)

    def claims(self) -> list[Claim]:
        """Return what a session is counted for."""
        limits, own, token = self._settings.limits, self._own, self._token
        sessions = {
            Scope.SUBJECT: strictest(limits.sessions_per_subject, self._person.sessions),
            Scope.TOKEN: token.sessions,
            Scope.ADDRESS: limits.sessions_per_address,
            Scope.CONNECTION: strictest(limits.sessions_per_connection, own.sessions),
            Scope.ALL: self._settings.server.max_sessions,
        }
        connects = {
            Scope.SUBJECT: strictest(limits.connects_per_subject, self._person.connects),
            Scope.TOKEN: token.connects,
            Scope.ADDRESS: limits.connects_per_address,
            Scope.CONNECTION: strictest(limits.connects_per_connection, own.connects),
            Scope.ALL: limits.connects,
        }
        return [
            Claim(scope, name, int(sessions[scope]), connects[scope])
            for scope, name in self._counted()
        ]

    def rates(self) -> list[tuple[Scope, str, float]]:
        """Return the limits of traffic that apply: who shares it, and bytes per second in each
        direction."""
        limits = self._settings.limits
        most = {
            Scope.SUBJECT: strictest(limits.bytes_per_subject, self._person.bytes),
            Scope.TOKEN: self._token.bytes,
            Scope.ADDRESS: limits.bytes_per_address,
            Scope.CONNECTION: strictest(limits.bytes_per_connection, self._own.bytes),
            Scope.ALL: limits.bytes,
        }
        return [(scope, name, most[scope]) for scope, name in self._counted() if most[scope]]

    def _counted(self) -> Iterator[tuple[Scope, str]]:
        """Yield what counts are kept of, the most personal first: it is named in a refusal."""
        if self._origin.person:
            yield Scope.SUBJECT, self._origin.person
        if self._origin.terms.id and not self._origin.subject:
            yield Scope.TOKEN, self._origin.terms.id
        if self._network:
            yield Scope.ADDRESS, self._network
        if self._connection:
            yield Scope.CONNECTION, self._connection
        yield Scope.ALL, ""


def strictest(*limits: float) -> float:
    """Return the smallest limit; 0 is none."""
    return min((limit for limit in limits if limit), default=0)


def _network(address: str) -> str:
    try:
        return network_of(address.partition("%")[0]) if address else ""
    except ValueError:  # not an IP address
        return ""
