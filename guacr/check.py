"""What `guacr check-config` says of settings that can be read."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from guacr.errors import GuacrError, SettingsError, UnsupportedError
from guacr.listeners import tls_context
from guacr.pid_file import PidFile
from guacr.session.handler import ProtocolHandler
from guacr.session.registry import Protocols
from guacr.settings import Connection, Settings

ANY_HOST = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104 - it is compared, not bound


def check(settings: Settings) -> list[str]:
    """What a daemon with `settings` would do, one sentence a line.

    Raises:
        SettingsError: `guacr serve` would refuse them, or a connection would fail before it reaches
            its host; one line each.
    """
    protocols = Protocols()
    problems, remarks = list(_problems(settings)), list[str]()
    for handler in _installed(protocols):
        try:
            handler.check_settings(settings)
        except GuacrError as error:
            problems.append(str(error))
    for name, connection in settings.connections.items():
        try:
            remarks += _remarks(protocols, settings, name, connection)
        except GuacrError as error:
            problems.append(f"connections.{name}: {error}")
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return [
        "the settings are in order" + (", but for these remarks:" if remarks else ""),
        *remarks,
        f"Guacamole protocol: {_places(settings.server.hosts, settings.server.port)}"
        + (", with TLS" if settings.server.tls_certificate else ""),
        _websocket(settings),
        f"connections: {_names(settings.connections)}",
        f"protocols: {_names(protocols.names)}",
    ]


def _installed(protocols: Protocols) -> Iterator[type[ProtocolHandler]]:
    for name in protocols.names:
        with suppress(UnsupportedError):  # what it needs is not installed
            yield protocols.find(name)


def _problems(settings: Settings) -> Iterator[str]:
    """What would stop the start."""
    try:
        tls_context(settings.server)
    except SettingsError as error:
        yield str(error)
    server, page = settings.server, settings.websocket
    if page.enabled and server.port == page.port != 0 and _overlap(server.hosts, page.hosts):
        yield f"server.port and websocket.port are both {page.port}: change one of them"
    if settings.daemon.pid_file is not None:
        try:
            PidFile(settings.daemon.pid_file).check_directory()
        except SettingsError as error:
            yield str(error)
    if server.unix_socket is not None and not server.unix_socket.parent.is_dir():
        yield f"server.unix_socket: there is no directory {server.unix_socket.parent}"


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    return bool(ANY_HOST & {*one, *other}) or not set(one).isdisjoint(other)


def _remarks(
    protocols: Protocols, settings: Settings, name: str, connection: Connection
) -> list[str]:
    """What a connection's handler has to say of it.

    Raises:
        GuacrError: the connection cannot work.
    """
    handler = protocols.find(connection.protocol)
    texts = dict(handler.default_values(settings)) | connection.parameters
    params = handler.params_type.parse(texts)
    handler.check(settings, params)
    return [f"connections.{name}: {remark}" for remark in handler.remarks(settings, params)]


def _websocket(settings: Settings) -> str:
    if not settings.websocket.enabled:
        return "WebSocket and page: off"
    return f"WebSocket and page: {_places(settings.websocket.hosts, settings.websocket.port)}"


def _places(hosts: Sequence[str], port: int) -> str:
    return _names([f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts])


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
