"""The daemon: its listeners, its ticker, and its orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from guacr.acceptor import Acceptor
from guacr.errors import BusyError
from guacr.listeners import close_all, place_of, tcp_sockets, tls_context, unix_socket
from guacr.occupancy import Occupancy, Place, connections_for
from guacr.open_files import open_files
from guacr.protocol.instruction import encode
from guacr.reception import Reception
from guacr.session.registry import Protocols, SessionRegistry
from guacr.settings import Settings
from guacr.systemd import activated_sockets
from guacr.transport.tcp import TcpTransport
from guacr.web.app import create_app, create_runner, reload_app
from guacr.web.guard import HttpGuard, unavailable

TICK = 1.0
"""Seconds between two looks at keep-alives and time-outs."""
STANDSTILL = 0.5
"""Seconds by which a look comes late from which on the process is taken to have stood still:
stopped by a signal, or held up. Meanwhile it has heard nobody."""
PARTING = 1.0
"""Seconds that clients have to close their side when the daemon ends."""
NEED_RESTART = (
    "server.hosts",
    "server.port",
    "server.unix_socket",
    "server.unix_socket_mode",
    "server.backlog",
    "server.max_connections",
    "server.max_waiting",
    "websocket.enabled",
    "websocket.hosts",
    "websocket.port",
    "websocket.max_message",
    "display.encoder_threads",
    "databases.sqlite_memory",
    "daemon.pid_file",
)
"""Settings that take effect with the next start alone."""

log = logging.getLogger("guacr.daemon")


class Daemon:
    """Listens as the settings say, from `start` until `close`.

    With a `secret`, the page is for those alone who know it; `protocols` are those installed
    unless others are given.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        secret: str | None = None,
        protocols: Protocols | None = None,
    ) -> None:
        self.settings = settings
        threads = settings.display.encoder_threads or os.cpu_count() or 1
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="encoder")
        self.registry = SessionRegistry(protocols or Protocols(), settings, self._executor)
        self._clients: set[TcpTransport] = set()
        self._secret = secret
        self._sockets: list[socket.socket] = []
        self._web_sockets: list[socket.socket] = []
        self._acceptors: list[Acceptor] = []
        self._tls: ssl.SSLContext | None = None
        self._unix_path: Path | None = None
        most = settings.server.max_connections or connections_for(open_files())
        waiting = settings.server.max_waiting
        self._occupancy, self._web_occupancy = Occupancy(most, waiting), Occupancy(most, waiting)
        self._web: web.AppRunner | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The TCP port that the Guacamole protocol is spoken on."""
        return _port(self._sockets)

    @property
    def web_port(self) -> int:
        """The port of the page and of WebSocket."""
        return _port(self._web_sockets)

    async def start(self) -> None:
        """Listen.

        Raises:
            SettingsError: an address, a port or a file of the settings cannot be used.
        """
        try:
            await self._open_sockets()
            await asyncio.to_thread(self.registry.protocols.warm_up, self.settings)
            await self._serve()
        except BaseException:
            await self.close()
            raise
        self._ticker = asyncio.create_task(self._tick(), name="ticker")

    async def close(self) -> None:
        """Stop listening, end every session, and wait (bounded) until all is cleaned up.

        Ports and paths are free at once, so that a next daemon can start meanwhile.
        """
        self._stop_listening()
        await self.registry.close()
        await self._part()
        if self._web is not None:
            await self._web.cleanup()
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _stop_listening(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        close_all(self._sockets)
        close_all(self._web_sockets)
        if self._unix_path is not None:
            self._unix_path.unlink(missing_ok=True)
            self._unix_path = None

    def reload(self, settings: Settings) -> list[str]:
        """Use other settings for what begins from now on; the names of those that differ and need
        a restart.

        Raises:
            SettingsError: the files for TLS cannot be used; nothing has changed then.
        """
        tls = tls_context(settings.server)
        for acceptor in self._acceptors:
            if acceptor.tls is not None and tls is not None:
                acceptor.tls = tls
        before, self.settings = self.settings, settings
        self.registry.settings = settings
        if self._web is not None:
            reload_app(self._web.app, settings)
        late = [name for name in NEED_RESTART if _value(before, name) != _value(settings, name)]
        if (before.server.tls_certificate is None) != (settings.server.tls_certificate is None):
            late.append("server.tls_certificate")
        return late

    async def _part(self) -> None:
        """Wait until the clients have heard why, and have closed their side; not for long."""
        if self._clients:
            await asyncio.wait([client.gone for client in self._clients], timeout=PARTING)
        for client in list(self._clients):
            client.abort()
        if self._clients:
            await asyncio.wait([client.gone for client in self._clients], timeout=PARTING)

    async def _open_sockets(self) -> None:
        server, page = self.settings.server, self.settings.websocket
        self._sockets = activated_sockets()
        if not self._sockets and server.hosts:
            self._sockets = await tcp_sockets(server.hosts, server.port, server.backlog)
        if server.unix_socket is not None:
            mode, backlog = server.unix_socket_mode, server.backlog
            self._sockets.append(unix_socket(server.unix_socket, mode, backlog))
            self._unix_path = server.unix_socket
        if page.enabled:
            self._web_sockets = await tcp_sockets(page.hosts, page.port, server.backlog)

    async def _serve(self) -> None:
        self._tls = tls_context(self.settings.server)
        for sock in self._sockets:
            self._listen(self._acceptor(sock))
            log.info("listening on %s", place_of(sock))
        if self._web_sockets:
            app = create_app(self.settings, self.registry, secret=self._secret)
            self._web = create_runner(app)
            await self._web.setup()
            for sock in self._web_sockets:
                self._listen(Acceptor(sock, self._web_occupancy, self._http, unavailable))
                log.info("listening for WebSocket on %s", place_of(sock))

    def _listen(self, acceptor: Acceptor) -> None:
        acceptor.start()
        self._acceptors.append(acceptor)

    def _acceptor(self, sock: socket.socket) -> Acceptor:
        tls = None if sock.family == socket.AF_UNIX else self._tls
        return Acceptor(
            sock,
            self._occupancy,
            self._guacamole,
            _too_many if tls is None else _unsaid,
            tls=tls,
            handshake_timeout=self.settings.server.handshake_timeout,
        )

    def _guacamole(self, place: Place) -> TcpTransport:
        def receive(transport: TcpTransport) -> None:
            self._clients.add(transport)
            transport.gone.add_done_callback(lambda gone: self._left(transport, place))
            timeout = self.settings.server.handshake_timeout
            transport.receiver = Reception(transport, self.registry, timeout, place.settle)

        return TcpTransport(receive)

    def _left(self, transport: TcpTransport, place: Place) -> None:
        self._clients.discard(transport)
        place.leave()

    def _http(self, place: Place) -> asyncio.Protocol:
        assert self._web is not None  # noqa: S101 - it is set up first
        assert self._web.server is not None  # noqa: S101
        return HttpGuard(self._web.server(), place)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK
        while True:
            await asyncio.sleep(TICK)
            now = loop.time()
            if now - due > STANDSTILL:
                self.registry.stood_still(now - due)
            self.registry.keep_alive(now)
            due = loop.time() + TICK


def _value(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)


def _too_many(error: BusyError) -> bytes:
    return encode("error", str(error), error.status)


def _unsaid(error: BusyError) -> bytes:
    """Before the TLS handshake nothing could be understood."""
    return b""


def _port(sockets: list[socket.socket]) -> int:
    for sock in sockets:
        if sock.family != socket.AF_UNIX:
            return int(sock.getsockname()[1])
    return 0
