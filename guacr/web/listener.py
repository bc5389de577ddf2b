"""Listening for HTTP: from the sockets to aiohttp's server of an application."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from aiohttp import web, web_response

from guacr.access.tokens import TOKEN_MAX
from guacr.net.acceptor import Acceptor
from guacr.net.answers import unavailable
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.handover import Adopted
from guacr.net.listeners import ListeningSockets, place_of
from guacr.net.tls import Tls
from guacr.transport.base import CLOSE_TIMEOUT
from guacr.web.guard import KEEP_ALIVE, HttpGuard
from guacr.web.refused import HttpLog

GONE_TIMEOUT = 1.0
"""Seconds that clients have at the end to close their side, once the server has."""
SERVER = "guacr"
"""The header `Server` of every answer."""
LINE_MAX = TOKEN_MAX + 8192
"""Maximum bytes of a request line, which may contain a token."""
LINGERING = 2.0
"""Seconds during which the rest of a refused body is read, so that the client gets the answer."""


class HttpListener:
    """Serves an application on `sockets`. Like a service of the daemon, it has `start`, `stop` and
    `close`; without `start`, the others release the sockets.

    Args:
        whom: those whom it serves, for the log.
        log: the logger of its services.
    """

    def __init__(self, whom: str, log: logging.Logger) -> None:
        self.sockets = ListeningSockets()
        self._whom = whom
        self._log = log
        self._acceptors: list[Acceptor] = []
        self._runner: web.AppRunner | None = None
        self._open: set[HttpGuard] = set()
        """The open connections."""
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The first TCP port; 0 if there is none."""
        return self.sockets.port

    async def start(
        self,
        app: web.Application,
        limits: Callable[[], ConnectionLimits],
        *,
        tls: Tls | None = None,
    ) -> None:
        """Serve `app`. `limits` returns the limits of a socket's connections; `tls` is for TCP."""
        self._runner = create_runner(app)
        await self._runner.setup()
        for sock in self.sockets.all:
            is_unix = sock.family == socket.AF_UNIX
            acceptor = Acceptor(
                sock, limits(), self.protocol, unavailable, tls=None if is_unix else tls
            )
            acceptor.start()
            self._acceptors.append(acceptor)
            self._log.info("listening for %s on %s", self._whom, place_of(sock))

    def protocol(self, place: Place, adopted: Adopted | None = None) -> HttpGuard:
        """Return the protocol of a new connection; `adopted` is set if another process has accepted
        it."""
        assert self._runner is not None  # noqa: S101 - it is set up first
        assert self._runner.server is not None  # noqa: S101
        return HttpGuard(self._runner.server(), place, adopted, self._open)

    def end_connections(self) -> None:
        """End those with TLS, each after the answer to its request: their certificates may not be
        accepted any more. WebSockets go on."""
        for guard in self._open:
            task = asyncio.create_task(guard.end(), name="end of a connection")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def stop(self) -> None:
        """Accept nothing new, and release the sockets."""
        for acceptor in self._acceptors:
            acceptor.close()
        self.sockets.close()

    async def close(self) -> None:
        """End the connections; clients get a short time for the end of TLS."""
        for task in self._ending:
            task.cancel()
        if self._ending:
            await asyncio.wait(self._ending)
        if self._runner is not None:
            await self._runner.cleanup()
        for _ in range(2):
            if self._open:
                await asyncio.wait([guard.gone for guard in self._open], timeout=GONE_TIMEOUT)
            for guard in list(self._open):
                guard.abort()


# aiohttp signs every answer with its version and Python's, those to requests that it cannot parse
# beyond the reach of applications
vars(web_response)["SERVER_SOFTWARE"] = SERVER


def create_runner(app: web.Application) -> web.AppRunner:
    """Create the runner of `app`, with its limits; it logs no URLs, which may contain tokens.

    A handler whose client has disconnected is cancelled: one that sends it a file would wait
    forever, since asyncio does not end `sendfile` with the connection.
    """
    return web.AppRunner(
        app,
        handle_signals=False,
        handler_cancellation=True,
        access_log=None,
        logger=HttpLog(logging.getLogger("guacr.web.http")),
        max_line_size=LINE_MAX,
        shutdown_timeout=CLOSE_TIMEOUT,
        keepalive_timeout=KEEP_ALIVE,
        lingering_time=LINGERING,
    )
