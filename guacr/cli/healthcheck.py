"""`guacr healthcheck`: check that a daemon on this machine answers, for container platforms."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from guacr.addresses import place
from guacr.errors import SettingsError, UpstreamUnavailableError
from guacr.json_text import parse_json

if TYPE_CHECKING:
    from guacr.settings.models import Settings

TIMEOUT = 3.0
"""Seconds for the connection, and for the response."""
HEALTH_PATH, READY_PATH = "/health", "/ready"
ANSWER_MAX = 65536
"""Maximum bytes that are read of an answer."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 (asked, not bound)


def check(settings: Settings, *, ready: bool = False) -> str:
    """Query the daemon that runs with `settings`; return a sentence that says where it answered.

    The check requests `/health`, or `/ready` if the daemon has to be `ready` for new sessions, on
    the page's port, or else on that of metrics; neither is logged. If the page requires client
    certificates and there is no port for metrics, it must answer a TLS handshake; without both
    ports, a connection to the Guacamole port must be accepted.

    Raises:
        SettingsError: no port says whether the daemon is ready.
        UpstreamUnavailableError: no answer, or a wrong one.
    """
    page, metrics, server = settings.websocket, settings.metrics, settings.server
    is_open = page.enabled and page.tls_client_ca is None
    path = READY_PATH if ready else HEALTH_PATH
    if is_open:
        return _ask(page.hosts, page.port, path, tls=page.tls_certificate is not None)
    if metrics.enabled:
        return _ask(metrics.hosts, metrics.port, path)
    if ready:
        raise SettingsError(
            "no port says whether the daemon is ready: set enabled = true under [metrics]"
        )
    if page.enabled:
        return _ask(page.hosts, page.port, "", tls=True)
    if server.unix_socket is not None and not server.hosts:
        return _check_unix_socket(server.unix_socket)
    return _ask(server.hosts, server.port, "")


def _check_unix_socket(path: Path) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        try:
            sock.connect(str(path))
        except OSError as error:
            raise UpstreamUnavailableError(f"no guacr answers at {path}: {error}") from error
    return f"guacr answers at {path}"


def _ask(hosts: Sequence[str], port: int, path: str, *, tls: bool = False) -> str:
    """Request `path`; if it is empty, only connect."""
    host = _ANY.get(hosts[0] if hosts else "", "") or hosts[0]
    where = place(host, port)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is this machine
        connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context)
    try:
        connection.connect()
        if path:
            connection.request("GET", path)
            response = connection.getresponse()
            _check_answer(path, response.status, response.read(ANSWER_MAX))
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamUnavailableError(f"no guacr answers at {where}: {error}") from error
    finally:
        connection.close()
    return f"guacr is ready at {where}" if path == READY_PATH else f"guacr answers at {where}"


def _check_answer(path: str, status: int, answer: bytes) -> None:
    """Raise an error for an answer that is not 200, with the reasons that it has."""
    if status == http.HTTPStatus.OK:
        return
    if path == READY_PATH and status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        try:
            reasons = "; ".join(parse_json(answer)["reasons"])
        except (ValueError, TypeError, KeyError):
            reasons = "it does not say why"
        raise UpstreamUnavailableError(f"guacr is not ready: {reasons}")
    raise http.client.HTTPException(f"{path} returned status {status}")
