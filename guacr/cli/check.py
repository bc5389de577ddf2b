"""`guacr check-config`: check settings beyond their syntax."""

import asyncio
import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from pathlib import Path

from guacr.acme import acme_service
from guacr.addresses import place
from guacr.config_check import find
from guacr.daemon import tube_service
from guacr.errors import SettingsError, shorten
from guacr.journal.options import options_of
from guacr.net.certificates import Validity
from guacr.net.listeners import close_all, tcp_sockets
from guacr.net.tls import TlsFiles, context_of
from guacr.operators.authority import check_keys
from guacr.operators.service import rpc_server_type
from guacr.process.pid_file import PidFile
from guacr.recording.check import problems as recording_problems
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from guacr.telemetry.service import load
from guacr.telemetry.wanted import ENDPOINT, is_wanted
from guacr.workers.shares import worker_count

ANY_HOST = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104 - it is compared, not bound


def check(settings: Settings) -> list[str]:
    """Describe what a daemon with `settings` would do, one sentence per line.

    Raises:
        SettingsError: `guacr serve` would refuse the settings, or a connection would fail before it
            reaches its host; one line for each problem.
    """
    problems = list(_problems(settings))
    try:
        protocols = Protocols(offered=settings.server.protocols)
    except SettingsError as error:
        problems.append(str(error))
        protocols = Protocols()
    found = find(settings, protocols)
    problems += found.problems
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return [
        "the settings are valid" + (", with these remarks:" if found.remarks else ""),
        *found.remarks,
        f"Guacamole protocol: {_places(settings.server.hosts, settings.server.port)}"
        + _tls(settings, "server"),
        _websocket(settings),
        f"processes: {_processes(settings)}",
        f"WebRTC: {'offered by the page' if settings.webrtc.enabled else 'off'}",
        f"operators: {_operators(settings)}",
        f"metrics: {_metrics(settings)}",
        f"access rules: {len(settings.access.rules) or 'none'}",
        f"audit log: {_audit(settings)}",
        f"recordings: {_recordings(settings)}",
        f"connections: {_names(settings.connections)}",
        f"protocols: {_names(protocols.names)}",
    ]


def _processes(settings: Settings) -> str:
    workers = worker_count(settings.daemon.workers)
    return "one" if workers == 1 else f"{workers} workers, and one that accepts clients"


def _problems(settings: Settings) -> Iterator[str]:
    """Yield the problems that would prevent a start."""
    for section in ("server", "websocket", "control"):
        try:
            context_of(settings, section)
        except SettingsError as error:
            yield str(error)
    try:
        worker_count(settings.daemon.workers)
    except SettingsError as error:
        yield str(error)
    server, page = settings.server, settings.websocket
    yield from _shared_ports(settings)
    if settings.acme.domains:
        try:
            acme_service(settings, lambda: None)
        except SettingsError as error:
            yield str(error)
        yield from _directory("acme.state_directory", settings.acme.server_directory)
        yield from _addresses("acme", settings.acme.http_hosts, settings.acme.http_port, "http_")
    if settings.webrtc.enabled:
        try:
            tube_service(settings)
        except SettingsError as error:
            yield str(error)
        known = {name for _, name in socket.if_nameindex()}
        for name in sorted(set(settings.webrtc.interfaces) - known):
            yield f"webrtc.interfaces: {name} is not an interface of this machine"
    yield from _control(settings)
    if settings.metrics.enabled:
        yield from _addresses("metrics", settings.metrics.hosts, settings.metrics.port)
    yield from _telemetry(settings)
    yield from recording_problems(settings)
    yield from _journal(settings)
    if settings.daemon.pid_file is not None:
        try:
            PidFile(settings.daemon.pid_file).check_place()
        except SettingsError as error:
            yield str(error)
    if server.hosts:
        yield from _addresses("server", server.hosts, server.port)
    if page.enabled:
        yield from _addresses("websocket", page.hosts, page.port)
    yield from _socket("server.unix_socket", server.unix_socket)


def _control(settings: Settings) -> Iterator[str]:
    control = settings.control
    try:
        check_keys(settings)
        if control.grpc:
            rpc_server_type()
    except SettingsError as error:
        yield str(error)
    if control.listens_on_tcp:
        yield from _hosts("control.hosts", control.hosts)
    if control.http:
        yield from _port("control.port", control.port)
    if control.grpc:
        yield from _port("control.grpc_port", control.grpc_port)
    yield from _socket("control.unix_socket", control.unix_socket)


def _telemetry(settings: Settings) -> Iterator[str]:
    if settings.telemetry.endpoint:
        try:
            load()
        except SettingsError as error:
            yield str(error)


def _journal(settings: Settings) -> Iterator[str]:
    try:
        options = options_of(settings)
    except SettingsError as error:
        yield str(error)
        return
    if options is not None:
        yield from _directory("journal.directory", options.directory)


def _socket(setting: str, path: Path | None) -> Iterator[str]:
    """Yield the problem with the path of a Unix socket."""
    if path is None:
        return
    with suppress(OSError):  # such as a name that is too long
        if path.parent.is_dir():
            return
    yield f"{setting}: directory {path.parent} does not exist"


def _directory(setting: str, path: Path) -> Iterator[str]:
    """Yield the problem with a directory that the daemon has to create or write to."""
    try:
        place = next(one for one in (path, *path.parents) if one.exists())
        is_usable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
    except OSError as error:  # such as a name that is too long
        yield f"{setting} {shorten(str(path))} cannot be used: {error.strerror}"
        return
    if not is_usable:
        yield (
            f"{setting} {path} cannot be used: {place} is not a directory that this account may "
            "write to"
        )


def _addresses(section: str, hosts: Sequence[str], port: int, prefix: str = "") -> Iterator[str]:
    yield from _hosts(f"{section}.{prefix}hosts", hosts)
    yield from _port(f"{section}.{prefix}port", port)


def _hosts(setting: str, hosts: Sequence[str]) -> Iterator[str]:
    """Yield the problem with addresses that this machine lacks."""
    try:
        close_all(asyncio.run(tcp_sockets(hosts, 0, 1)))
    except SettingsError as error:
        yield f"{setting}: {error}"


def _port(setting: str, port: int) -> Iterator[str]:
    """Yield the problem with a port that this account may not use. It need not be free, because the
    daemon may be running."""
    try:
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", port))
    except PermissionError:
        yield f"{setting}: this account may not listen on port {port}"
    except OSError:
        return


def _shared_ports(settings: Settings) -> Iterator[str]:
    """Yield the ports that two listeners would have at the same address."""
    server, page, control = settings.server, settings.websocket, settings.control
    metrics, acme = settings.metrics, settings.acme
    listeners = (
        ("server.port", server.port, server.hosts, True),
        ("websocket.port", page.port, page.hosts, page.enabled),
        ("control.port", control.port, control.hosts, control.http),
        ("control.grpc_port", control.grpc_port, control.hosts, control.grpc),
        ("metrics.port", metrics.port, metrics.hosts, metrics.enabled),
        ("acme.http_port", acme.http_port, acme.http_hosts, bool(acme.domains)),
    )
    used = [(name, port, hosts) for name, port, hosts, is_used in listeners if port and is_used]
    for (name, port, hosts), (other, its_port, its_hosts) in combinations(used, 2):
        if port == its_port and _overlap(hosts, its_hosts):
            yield f"{name} and {other} are both {port}: change one of them"


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    return bool(ANY_HOST & {*one, *other}) or not set(one).isdisjoint(other)


def _websocket(settings: Settings) -> str:
    if not settings.websocket.enabled:
        return "WebSocket and page: off"
    places = _places(settings.websocket.hosts, settings.websocket.port)
    return f"WebSocket and page: {places}{_tls(settings, 'websocket')}"


def _operators(settings: Settings) -> str:
    control, tls = settings.control, _tls(settings, "control")
    ways = [] if control.unix_socket is None else [str(control.unix_socket)]
    if control.http:
        ways.append(f"HTTP on {_places(control.hosts, control.port)}{tls}")
    if control.grpc:
        ways.append(f"gRPC on {_places(control.hosts, control.grpc_port)}{tls}")
    return "; ".join(ways) or "off"


def _metrics(settings: Settings) -> str:
    metrics, telemetry = settings.metrics, settings.telemetry
    ways = [f"Prometheus on {_places(metrics.hosts, metrics.port)}"] if metrics.enabled else []
    if is_wanted(telemetry, os.environ):
        ways.append(f"OpenTelemetry to {telemetry.endpoint or ENDPOINT}")
    return "; ".join(ways) or "off"


def _tls(settings: Settings, section: str) -> str:
    files = TlsFiles.of(settings, section)
    if files is None:
        return ""
    kind = "" if files.client_ca is None else " and client certificates"
    if files.is_acme:
        kind += f" for {_names(settings.acme.domains)}"
    if files.is_pending:
        return f", with TLS{kind} (without a certificate yet)"
    validity = Validity.read(files.certificate)
    verb = "is valid until" if validity.end > time.time() else "expired on"
    return f", with TLS{kind} (the certificate {verb} {validity.last})"


def _audit(settings: Settings) -> str:
    journal = settings.journal
    if journal.directory is None or not settings.audit.enabled:
        return "off"
    archive = f"archived in {journal.store}" if journal.store else "archived there"
    return f"in {journal.directory}, {archive}" + (", strict" if settings.audit.strict else "")


def _recordings(settings: Settings) -> str:
    recording = settings.recording
    every = [f"in {recording.path}"] if recording.path else []
    every += ["in the journal"] if recording.journal else []
    own = [name for name, one in settings.connections.items() if "recording-path" in one.parameters]
    ways = (
        ("every session ", " and ".join(every)),
        ("connections with their own directory: ", ", ".join(own)),
        ("what clients ask for in ", ", ".join(map(str, recording.directories))),
    )
    return "; ".join(way + places for way, places in ways if places) or "none"


def _places(hosts: Sequence[str], port: int) -> str:
    return _names([place(host, port) for host in hosts])


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
