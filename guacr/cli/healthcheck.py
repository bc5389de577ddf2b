"""`guacr healthcheck`: check that a daemon on this machine answers, for container platforms."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from guacr.addresses import place
from guacr.errors import UpstreamUnavailableError

if TYPE_CHECKING:
    from guacr.settings.models import Settings, WebSocketSettings

TIMEOUT = 3.0
"""Seconds for the connection, and for the response."""
HEALTH_PATH = "/health"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 (asked, not bound)


def check(settings: Settings) -> str:
    """Query the daemon that runs with `settings`; return a sentence that says where it answered.

    The check requests `/health` on the page's port, which is not logged; if that requires client
    certificates, it must answer a TLS handshake; without that port, a connection to the Guacamole
    port must be accepted.

    Raises:
        UpstreamUnavailableError: no answer, or a wrong one.
    """
    path = settings.server.unix_socket
    if path is not None and not settings.websocket.enabled and not settings.server.hosts:
        return _check_unix_socket(path)
    section = settings.websocket if settings.websocket.enabled else settings.server
    host = _ANY.get(section.hosts[0] if section.hosts else "", "") or section.hosts[0]
    where = place(host, section.port)
    try:
        if settings.websocket.enabled:
            _ask(settings.websocket, host)
        else:
            socket.create_connection((host, section.port), TIMEOUT).close()
    except (OSError, http.client.HTTPException) as error:
        raise UpstreamUnavailableError(f"no guacr answers at {where}: {error}") from error
    return f"guacr answers at {where}"


def _check_unix_socket(path: Path) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT)
        try:
            sock.connect(str(path))
        except OSError as error:
            raise UpstreamUnavailableError(f"no guacr answers at {path}: {error}") from error
    return f"guacr answers at {path}"


def _ask(page: WebSocketSettings, host: str) -> None:
    connection = http.client.HTTPConnection(host, page.port, timeout=TIMEOUT)
    if page.tls_certificate is not None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is this machine
        connection = http.client.HTTPSConnection(host, page.port, timeout=TIMEOUT, context=context)
    try:
        if page.tls_client_ca is not None:  # a request would need a certificate
            connection.connect()
            return
        connection.request("GET", HEALTH_PATH)
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise http.client.HTTPException(f"{HEALTH_PATH} returned status {response.status}")
