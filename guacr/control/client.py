"""A client of the interface over HTTP, for the commands of `guacr` (docs/control.md).

It blocks: programs with an event loop use it in a thread.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from typing_extensions import override

from guacr.control.info import DaemonStatus, Reloaded, SessionInfo
from guacr.errors import (
    BadRequestError,
    GuacrError,
    NotFoundError,
    SettingsError,
    UpstreamError,
    UpstreamUnavailableError,
    error_of_status,
    shorten,
)
from guacr.settings.loopback import is_loopback

TIMEOUT = 10.0
"""Seconds for a connection, and for each part of an answer."""
EVENT_TIMEOUT = 60.0
"""Seconds within which a stream of events says something."""
RELOAD_TIMEOUT = 300.0
"""Seconds for reading settings again, which may have to be fetched, and for starting workers."""
ANSWER_MAX = 64 * 1024 * 1024
"""Maximum bytes of an answer."""
LINE_MAX = 1024 * 1024
"""Maximum bytes of an event."""
PAGE = 1000
"""Sessions in an answer."""
_IN_PATHS = "/%:@!$&'()*+,;=~"
"""Characters of a URL's path, in addition to letters, digits and "-._"."""


@dataclass(frozen=True, slots=True)
class Place:
    """The address of a daemon, and the credentials for it."""

    unix_socket: Path | None = None
    url: str = ""
    """Instead of a socket: https://HOST:PORT, or http:// on this machine."""
    token: str = field(default="", repr=False)
    ca: Path | None = None
    """PEM file with the CA certificates to trust; None for those of the system."""
    certificate: Path | None = None
    """PEM file with a client certificate, and its key."""

    def __str__(self) -> str:
        return str(self.unix_socket or self.url)


class ControlClient:
    """Talks to a daemon. Each request has a connection of its own.

    All methods raise UpstreamUnavailableError if no daemon answers, and the daemon's errors:
    UnauthorizedError, ForbiddenError and others.

    Raises:
        SettingsError: the place cannot be used.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        try:
            self._url = urlsplit(place.url)
            (self._url.hostname or "").encode("idna")
        except ValueError:
            raise SettingsError(f"{shorten(place.url)} has an invalid host") from None
        try:
            self._url.port  # noqa: B018 - raises for one that is no number
        except ValueError:
            raise SettingsError(f"{shorten(place.url)} has an invalid port") from None
        if place.unix_socket is None and (
            self._url.scheme not in ("http", "https") or not self._url.hostname
        ):
            raise SettingsError(f"{shorten(place.url)} must be https://HOST:PORT")
        if self._url.scheme == "http" and not is_loopback(self._url.hostname or ""):
            raise SettingsError(
                f"{shorten(place.url)} is not on this machine, so the token could be read on the "
                "way: use https, or a tunnel to a port of this machine"
            )
        self._tls = _tls(place) if self._url.scheme == "https" else None

    def status(self) -> DaemonStatus:
        """Return the state of the daemon and its workers."""
        values = self._ask("GET", "/v1/status")
        with _other_versions():
            return DaemonStatus.of({name: one for name, one in values.items() if name != "ready"})

    def sessions(self, **filters: str) -> Iterator[SessionInfo]:
        """Yield all sessions that match, the oldest first; filters are those of the interface."""
        after = ""
        while True:
            query = urlencode({**filters, "limit": PAGE, **({"after": after} if after else {})})
            part = self._ask("GET", f"/v1/sessions?{query}")
            with _other_versions():
                sessions, after = list(map(SessionInfo.of, part["sessions"])), part["next"]
            yield from sessions
            if not after:
                return

    def find(self, begin: str) -> SessionInfo:
        """Return the session whose id begins with a text, with or without its dollar sign.

        Raises:
            NotFoundError: there is none.
            BadRequestError: there are several.
        """
        wanted = begin.removeprefix("$")
        if not wanted:
            raise BadRequestError("the id of a session is empty")
        found = [one for one in self.sessions() if one.id[1:].startswith(wanted)]
        if not found:
            raise NotFoundError(
                f"no session has an id that begins with {shorten(begin)}: `guacr sessions` lists "
                "them"
            )
        if len(found) > 1:
            raise BadRequestError(
                f"{len(found)} sessions have ids that begin with {shorten(begin)}: write more of it"
            )
        return found[0]

    def end(self, session_id: str, message: str = "") -> None:
        """End a session; its users are sent the message."""
        self._ask("POST", f"{_path(session_id)}/end", {"message": message})

    def watch(self, session_id: str) -> dict[str, Any]:
        """Return a link to watch a session: its token, path and expiry."""
        return self._ask("POST", f"{_path(session_id)}/watch", {})

    def drain(self) -> None:
        """Open no more sessions."""
        self._ask("POST", "/v1/drain", {})

    def resume(self) -> None:
        """Open sessions again."""
        self._ask("POST", "/v1/resume", {})

    def reload(self) -> Reloaded:
        """Have the settings read again, and return once they have taken effect."""
        answer = self._ask("POST", "/v1/reload", {}, timeout=RELOAD_TIMEOUT)
        with _other_versions():
            return Reloaded.of(answer)

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield events from now on, until the daemon ends the stream."""
        with closing(self._connect(EVENT_TIMEOUT)) as connection:
            response = self._send(connection, "GET", "/v1/events", None)
            try:
                while line := response.readline(LINE_MAX):
                    event = _object(line)
                    if event.get("event") != "alive":
                        yield event
            except (OSError, http.client.HTTPException) as error:
                raise self._lost(error) from error

    # ---- internals

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
    ) -> dict[str, Any]:
        with closing(self._connect(timeout)) as connection:
            response = self._send(connection, method, path, body)
            try:
                return _object(response.read(ANSWER_MAX))
            except (OSError, http.client.HTTPException) as error:
                raise self._lost(error) from error

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._place.unix_socket is not None:
            return _UnixConnection(self._place.unix_socket, timeout)
        host, port = self._url.hostname or "", self._url.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _send(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> http.client.HTTPResponse:
        """Send a request, and return the beginning of its answer.

        Raises:
            GuacrError: the daemon refuses it.
        """
        headers = {"Authorization": f"Bearer {self._place.token}"} if self._place.token else {}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        prefix = quote(self._url.path.rstrip("/"), _IN_PATHS)
        try:
            connection.request(method, prefix + path, data, headers)
            response = connection.getresponse()
            if response.status == http.client.OK:
                return response
            refused = response.read(ANSWER_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error) from error
        raise _refusal(response.status, refused)

    def _lost(self, error: Exception) -> UpstreamUnavailableError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        distrusted = isinstance(error, ssl.SSLCertVerificationError)
        closed = isinstance(error, ssl.SSLError | ConnectionResetError) and not distrusted
        if closed and self._url.scheme == "https" and not self._place.certificate:
            reason = f"{reason or type(error).__name__} (it may require --client-certificate)"
        return UpstreamUnavailableError(
            f"no guacr answers at {self._place}: {reason or type(error).__name__}"
        )


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _tls(place: Place) -> ssl.SSLContext:
    """Create the TLS context.

    Raises:
        SettingsError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=place.ca)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"cannot use {place.ca} for TLS: {error.strerror or error}") from error
    if place.certificate is not None:
        try:
            context.load_cert_chain(place.certificate)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"cannot use {place.certificate} for TLS: {error.strerror or error}; the file must "
                "contain a certificate and its key"
            ) from error
    return context


def _path(session_id: str) -> str:
    return f"/v1/sessions/{quote(session_id, safe='$')}"


def _object(data: bytes) -> dict[str, Any]:
    """Return the object in an answer.

    Raises:
        UpstreamError: there is none.
    """
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UpstreamError("the answer is not that of guacr's control interface: check the URL")
    return value


@contextmanager
def _other_versions() -> Iterator[None]:
    """Raise UpstreamError if an answer has other fields than those of this version."""
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise UpstreamError(
            "the daemon's answer has other fields: use the command of the same version as it"
        ) from error


def _refusal(status: int, data: bytes) -> GuacrError:
    try:
        values = _object(data)
        if status == http.client.CONFLICT:
            return SettingsError(str(values["error"]))
        return error_of_status(int(values["status"]), str(values["error"]))
    except (UpstreamError, KeyError, TypeError, ValueError):
        return UpstreamError(f"the answer has HTTP status {status}: check the URL")
