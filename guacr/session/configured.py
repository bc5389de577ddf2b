"""Finds what is wrong with configured connections before somebody opens them."""

from __future__ import annotations

from collections.abc import Iterator

from guacr.errors import BadRequestError, GuacrError
from guacr.session.handler import ProtocolHandler
from guacr.session.params import Params
from guacr.session.protocols import Protocols
from guacr.settings.models import EVERYTHING, Connection, Settings


def problems(protocols: Protocols, settings: Settings, connection: Connection) -> list[str]:
    """Return everything for which a connection would fail before it reaches its host, a sentence
    each. This may read files."""
    return list(dict.fromkeys(map(str, _problems(protocols, settings, connection))))


def remarks(protocols: Protocols, settings: Settings, connection: Connection) -> list[str]:
    """Return the remarks of the handler of a connection without problems."""
    handler = protocols.find(connection.protocol)
    params, _ = _params(handler, settings, connection)
    return handler.remarks(settings, params)


def _problems(
    protocols: Protocols, settings: Settings, connection: Connection
) -> Iterator[GuacrError]:
    try:
        handler = protocols.find(connection.protocol)
        params, refused = _params(handler, settings, connection)
        yield from refused
        allowed = dict.fromkeys(connection.allow_query_parameters, "")
        for name, problem in handler.params_type.problems(allowed):
            if name != EVERYTHING:
                yield BadRequestError(f"allow_query_parameters: {problem}")
        for check in handler.checks(settings, params):
            try:
                check()
            except GuacrError as error:
                yield error
    except GuacrError as error:
        yield error


def _params(
    handler: type[ProtocolHandler], settings: Settings, connection: Connection
) -> tuple[Params, list[GuacrError]]:
    """Return the parameters whose texts are valid, and the errors of the others."""
    texts = dict(handler.default_values(settings))
    texts |= {name: text for name, text in connection.parameters.items() if text}
    refused = dict(handler.params_type.problems(texts))
    valid = {name: text for name, text in texts.items() if name not in refused}
    return handler.params_type.parse(valid), list(refused.values())
