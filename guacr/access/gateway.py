"""Decide what a browser may connect to: turn a query into a selection with parameters.

    token=…         what the token grants: a protocol with parameters, a configured connection, or
                    joining a running session
    connection=…    a configured connection, whose secrets stay on the server
    protocol=…      any host, if the configuration lets the URL set `protocol`

If a key is configured, everything needs a token. Without one, only browsers on this machine are
admitted, and may open the configured connections. A connection id is not enough to join: a viewer
knows it, too, and could come back with more rights. Join links are tokens, made for a user who is
in the session.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from guacr.access.guacamole_lite import is_guacamole_lite, read_guacamole_lite_token
from guacr.access.keys import ProcessKeys
from guacr.access.query import Query, is_about_client, parse_query
from guacr.access.tokens import Grant, make_token, read_token
from guacr.errors import (
    ForbiddenError,
    GuacrError,
    NotFoundError,
    UnauthorizedError,
    UnsupportedError,
    shorten,
)
from guacr.policy.client import NOBODY, Client
from guacr.policy.rule import Request
from guacr.protocol.client import ClientInfo
from guacr.session.admission import CurrentPolicy
from guacr.session.ids import foreign_session
from guacr.session.origin import ANYONE, Origin
from guacr.session.params import Params
from guacr.session.protocols import Protocols
from guacr.settings.models import EVERYTHING, Connection, Settings

JOIN_LIFETIME = 24 * 3600
"""Maximum seconds that a join link is valid; it ends with its session."""
WATCH_LIFETIME = 300
"""Seconds within which an operator must have opened a link to watch a session."""
FORM_LIFETIME = 60
"""Seconds within which the page must connect after submitting a form."""
NO_GRANT = Grant()
RIGHTS = frozenset({"read-only", "disable-copy", "disable-paste"})
"""Parameters that no URL may change once a token or the configuration has set them."""

log = logging.getLogger("guacr.gateway")


@dataclass(frozen=True, slots=True)
class Opening:
    """A request to the registry."""

    select: str
    values: Mapping[str, str] = field(repr=False)
    info: ClientInfo
    origin: Origin = ANYONE


@dataclass(frozen=True, slots=True)
class Offer:
    """A connection that the page lists."""

    name: str
    title: str
    protocol: str


class Gateway:
    """Checks the requests of browsers against the settings.

    `params_type` returns the parameters of a protocol or of a running connection's id, like
    `SessionRegistry.params_type`; `clock` returns the seconds since 1970.
    """

    def __init__(
        self,
        settings: Settings,
        protocols: Protocols,
        params_type: Callable[[str], type[Params]],
        keys: ProcessKeys,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._protocols = protocols
        self._params_type = params_type
        self._clock = clock
        self._policy = CurrentPolicy(lambda: self._settings.access, lambda: protocols)
        # The daemon's own tokens: without a configured key, they are valid until it ends.
        self._own_key = keys.tokens

    def reload(self, settings: Settings) -> None:
        """Apply new settings."""
        self._settings = settings

    @property
    def _keys(self) -> tuple[str, ...]:
        return (*self._settings.websocket.token_keys, self._own_key)

    @property
    def needs_token(self) -> bool:
        """True if everything needs a token."""
        return self._settings.websocket.has_key

    def offers(self, client: Client = NOBODY) -> list[Offer]:
        """Return the connections that can be opened by name, as far as access rules allow them to a
        client."""
        if self.needs_token:
            return []
        return [
            Offer(name, connection.title or name, connection.protocol)
            for name, connection in self._settings.connections.items()
            if self._may_open(client, connection.protocol, name)
        ]

    def forms(self, client: Client = NOBODY) -> dict[str, type[Params]]:
        """Return the protocols that can be opened for any host, with their parameters; those that
        no access rule allows to a client are omitted."""
        names = self._settings.websocket.allow_query_parameters
        if self.needs_token or not _is_allowed("protocol", names):
            return {}
        found: dict[str, type[Params]] = {}
        for name in self._protocols.names:
            with suppress(UnsupportedError):  # a library is not installed
                handler = self._protocols.find(name)
                if not handler.alias_of and self._may_open(client, name):
                    found[name] = handler.params_type
        return found

    def _may_open(self, client: Client, protocol: str, connection: str = "") -> bool:
        try:
            handler = self._protocols.find(protocol)
        except UnsupportedError:  # opening it says why
            return True
        name = handler.alias_of or protocol
        request = Request(client, name, connection=connection)
        return self._policy().opening(request, handler.connects).allowed

    def may_set(self, name: str) -> bool:
        """Return whether every URL may set the parameter `name`."""
        return _is_allowed(name, self._settings.websocket.allow_query_parameters)

    def join_token(self, connection_id: str, *, read_only: bool) -> str:
        """Create a token to join a running session."""
        parameters = {"read-only": "true" if read_only else "false"}
        grant = Grant(join=connection_id, parameters=parameters)
        return make_token(self._keys[0], grant, now=self._clock(), lifetime=JOIN_LIFETIME)

    def form_token(self, protocol: str, parameters: Mapping[str, str]) -> str:
        """Create a token for the values of a form, so that no secret is in a URL.

        Raises:
            ForbiddenError: the configuration does not allow it.
            BadRequestError: a parameter is invalid.
        """
        self._check_form(protocol, parameters)
        grant = Grant(protocol=protocol, parameters=parameters, vouched=False)
        return make_token(self._keys[0], grant, now=self._clock(), lifetime=FORM_LIFETIME)

    def recordings(self, token: str) -> tuple[Callable[[str], bool], str]:
        """Return a function that says whether a token grants the recording of a name, and the
        subject of the token.

        Raises:
            UnauthorizedError: the token is missing, invalid or expired.
            ForbiddenError: it does not grant recordings.
        """
        if not token:
            raise UnauthorizedError(
                "recordings need a token: create one with `guacr token --recordings`"
            )
        grant = self._read(token)
        granted = grant.recordings
        if not granted:
            raise ForbiddenError("this token is not for recordings: ask for another link")
        if granted == EVERYTHING:
            return lambda name: True, grant.subject
        if granted.endswith("/"):
            return lambda name: name.startswith(granted), grant.subject
        return lambda name: name == granted, grant.subject

    def resolve(self, pairs: Iterable[tuple[str, str]]) -> Opening:
        """Resolve the query of a WebSocket's URL.

        Raises:
            UnauthorizedError: a required token is missing, or invalid.
            ForbiddenError: the query requests something that is not allowed.
            NotFoundError: the connection is unknown.
            UnsupportedError: the protocol is unknown.
            BadRequestError: a value is invalid.
        """
        pairs = list(pairs)
        query = parse_query(pairs, {})
        if query.token:
            grant = self._read(query.token)
            about = {n: text for n, text in grant.parameters.items() if is_about_client(n)}
            return self._granted(grant, parse_query(pairs, about))
        if self.needs_token:
            raise UnauthorizedError("a token is required: open the link that you were given")
        if query.connection:
            return self._configured(query.connection, query)
        if query.protocol:
            self._check_form(query.protocol, query.parameters)
            return Opening(query.protocol, query.parameters, query.info)
        raise NotFoundError("the URL does not say what to connect to: give a connection or a token")

    def foreign_worker(self, pairs: Iterable[tuple[str, str]]) -> int:
        """Return the number of another worker that has the session which a query joins; 0 if there
        is none, or the query is refused."""
        with suppress(GuacrError):
            token = parse_query(pairs, {}).token
            return foreign_session(self._read(token).join) if token else 0
        return 0

    def _read(self, token: str) -> Grant:
        if not is_guacamole_lite(token):
            return read_token(self._keys, token, now=self._clock())
        key = self._settings.websocket.guacamole_lite_key
        if not key:
            raise UnauthorizedError(
                "the token is incomplete: open the whole link that you were given (a token of "
                "guacamole-lite needs websocket.guacamole_lite_key)"
            )
        return read_guacamole_lite_token(key, token)

    def _granted(self, grant: Grant, query: Query) -> Opening:
        if grant.recordings:
            raise ForbiddenError("this token is for recordings: open /recordings with it")
        if grant.terms.id:
            log.info("token %s is used", shorten(grant.terms.id))
        if grant.name:
            return self._configured(grant.name, query, grant)
        select = grant.join or grant.protocol
        values = dict(grant.parameters)
        if grant.lenient:
            known = {param.name for param in self._params_type(select).declared()}
            values = {name: text for name, text in values.items() if name in known}
        own = self._permitted(query, grant.allow, lenient=grant.lenient)
        trusted = values.keys() - own.keys() if grant.vouched else ()
        origin = Origin(
            frozenset(trusted),
            grant.subject,
            terms=grant.terms,
            is_watcher=grant.watch,
            is_hidden=grant.watch and not self._settings.control.announce_watchers,
            invited=bool(grant.join) and grant.vouched,
        )
        return Opening(select, _merged(values, own), query.info, origin)

    def _configured(self, name: str, query: Query, grant: Grant = NO_GRANT) -> Opening:
        connection = self._connection(name)
        own = self._permitted(query, (*grant.allow, *connection.allow_query_parameters))
        trusted = frozenset(connection.parameters.keys() - own.keys())
        origin = Origin(trusted, grant.subject, name, grant.terms)
        return Opening(connection.protocol, _merged(connection.parameters, own), query.info, origin)

    def _connection(self, name: str) -> Connection:
        connection = self._settings.connections.get(name)
        if connection is None:
            raise NotFoundError(f"connection {shorten(name)} is unknown: choose another one")
        return connection

    def _permitted(
        self, query: Query, allow: tuple[str, ...], *, lenient: bool = False
    ) -> dict[str, str]:
        """Return the query's parameters; those that are not allowed are refused, or omitted."""
        allowed = (*allow, *self._settings.websocket.allow_query_parameters)
        refused = [name for name in query.parameters if not _is_allowed(name, allowed)]
        if refused and not lenient:
            raise ForbiddenError(
                f"parameter {shorten(refused[0])} may not be set in the URL: put it into the "
                "token, or allow it in the configuration"
            )
        return {name: text for name, text in query.parameters.items() if name not in refused}

    def _check_form(self, protocol: str, parameters: Mapping[str, str]) -> None:
        allowed = self._settings.websocket.allow_query_parameters
        if self.needs_token or not _is_allowed("protocol", allowed):
            raise ForbiddenError(
                "only configured connections can be opened: choose one of the list"
            )
        self._permitted(Query(parameters=parameters), ())
        self._protocols.find(protocol).params_type.parse(parameters)


def watch_token(keys: ProcessKeys, connection_id: str, *, subject: str, now: float) -> str:
    """Create a token to watch a running session, for the operator `subject`."""
    grant = Grant(join=connection_id, parameters={"read-only": "true"}, subject=subject, watch=True)
    return make_token(keys.tokens, grant, now=now, lifetime=WATCH_LIFETIME)


def _merged(granted: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    fixed = {name: text for name, text in granted.items() if name in RIGHTS}
    return {**granted, **own, **fixed}


def _is_allowed(name: str, allowed: Iterable[str]) -> bool:
    return any(entry in (name, EVERYTHING) for entry in allowed)
