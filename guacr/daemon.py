"""The daemon: its listeners, its ticker, and its orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import ModuleType

from aiohttp import web

from guacr.acceptor import Acceptor
from guacr.errors import BusyError
from guacr.listeners import close_all, place_of, tcp_sockets, tls_context, unix_socket
from guacr.occupancy import Occupancy, Place, connections_for
from guacr.open_files import open_files, raise_open_files
from guacr.protocol.instruction import encode
from guacr.reception import Reception
from guacr.session.registry import Protocols, SessionRegistry
from guacr.settings import Settings
from guacr.systemd import activated_sockets, notify
from guacr.transport.tcp import TcpTransport
from guacr.web.app import create_app, create_runner
from guacr.web.guard import HttpGuard, unavailable

TICK = 1.0
"""Seconds between two looks at keep-alives and time-outs."""
PARTING = 1.0
"""Seconds that clients have to close their side when the daemon ends."""
GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations between collections: with thousands of sessions a full one takes long."""

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
        """Stop listening, end every session, and wait (bounded) until all is cleaned up."""
        for acceptor in self._acceptors:
            acceptor.close()
        close_all(self._sockets)
        await self.registry.close()
        await self._part()
        if self._web is not None:
            await self._web.cleanup()
        close_all(self._web_sockets)
        if self._ticker is not None:
            self._ticker.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticker
        path = self.settings.server.unix_socket
        if path is not None and self._acceptors:
            path.unlink(missing_ok=True)
        self._executor.shutdown(wait=False, cancel_futures=True)

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
        while True:
            await asyncio.sleep(TICK)
            self.registry.keep_alive(loop.time())


def run(settings: Settings, *, ready: Callable[[], None] | None = None) -> int:
    """Run the daemon until SIGTERM or SIGINT; the exit status.

    `ready` is called once it listens.

    Raises:
        SettingsError: the daemon cannot start with these settings.
    """
    raise_open_files()
    gc.set_threshold(*GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_signal(settings, ready))
    return 0


async def _serve_until_signal(settings: Settings, ready: Callable[[], None] | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    daemon = Daemon(settings)
    await daemon.start()
    gc.freeze()  # what is loaded now stays until the end
    notify("READY=1")
    if ready is not None:
        ready()
    await stopped.wait()
    log.info("stopping")
    notify("STOPPING=1")
    await daemon.close()


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Uvloop's event loop where it is installed."""
    uvloop = _uvloop()
    return None if uvloop is None else uvloop.Loop


def _uvloop() -> ModuleType | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop


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
