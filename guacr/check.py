"""What `guacr check-config` says of settings that can be read."""

from collections.abc import Iterable, Iterator, Sequence

from guacr.errors import GuacrError, SettingsError
from guacr.session.registry import Protocols
from guacr.settings import Settings


def check(settings: Settings) -> list[str]:
    """What a daemon with `settings` would do, one sentence a line.

    Raises:
        SettingsError: a connection's protocol or parameters are wrong; one line each.
    """
    problems = list(_problems(settings))
    if problems:
        raise SettingsError("\n".join(problems))
    protocols = Protocols()
    return [
        "the settings are in order",
        f"Guacamole protocol: {_places(settings.server.hosts, settings.server.port)}"
        + (", with TLS" if settings.server.tls_certificate else ""),
        _websocket(settings),
        f"connections: {_names(settings.connections)}",
        f"protocols: {_names(protocols.names)}",
    ]


def _problems(settings: Settings) -> Iterator[str]:
    protocols = Protocols()
    for name, connection in settings.connections.items():
        try:
            protocols.find(connection.protocol).params_type.parse(connection.parameters)
        except GuacrError as error:
            yield f"connections.{name}: {error}"


def _websocket(settings: Settings) -> str:
    if not settings.websocket.enabled:
        return "WebSocket and page: off"
    return f"WebSocket and page: {_places(settings.websocket.hosts, settings.websocket.port)}"


def _places(hosts: Sequence[str], port: int) -> str:
    return _names([f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts])


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
