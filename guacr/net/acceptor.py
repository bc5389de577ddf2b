"""Accept connections on a listening socket, within limits.

asyncio and uvloop accept every connection. When no more files can be opened, uvloop closes
connections silently, and asyncio stops listening for a second; both only after the last file is
used, so that sessions cannot connect to their hosts. Here the limit is checked before a connection
is served, and a refused client is told why.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from guacr.addresses import described, network_of
from guacr.errors import BusyError
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.tls import SHUTDOWN_TIMEOUT, PlainClientError, Tls
from guacr.refusals import Refusals

BATCH = 32
"""Maximum connections that are accepted in one turn of the event loop."""
PAUSE = 0.2
"""Seconds to pause when the system has no resources for another connection."""
UNREAD_MAX = 65536
"""Bytes that are read from a refused client, so that the system does not reset the connection
before the client has received the answer."""

log = logging.getLogger("guacr.acceptor")
_busy, _failed, _untrusted = Refusals(log), Refusals(log), Refusals(log, "tls")


class Acceptor:
    """Serves a socket from `start` until `close`, which leaves the socket open.

    Args:
        sock: a listening, non-blocking socket.
        limits: the connection limits.
        make: creates the protocol of a connection, which releases the place when it is closed.
        busy: returns the answer for a refused client, from the sentence that says why; clients
            that have to use TLS get none, since they could not read it.
        tls: for a handshake before the protocol is created.
    """

    def __init__(
        self,
        sock: socket.socket,
        limits: ConnectionLimits,
        make: Callable[[Place], asyncio.Protocol],
        busy: Callable[[BusyError], bytes],
        *,
        tls: Tls | None = None,
    ) -> None:
        self._sock = sock
        self._limits = limits
        self._make = make
        self._busy = busy
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Start accepting."""
        self._pause = None
        if not self._closed:
            self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Stop accepting; repeated calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        if self._pause is not None:
            self._pause.cancel()
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        for _ in range(BATCH):
            try:
                client, name = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # EMFILE, ENFILE, ENOBUFS, ENOMEM
                _failed.report("no connection can be accepted: %s", error.strerror or error)
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(PAUSE, self.start)
                return
            client.setblocking(False)
            peer = described(name)
            self._admit(client, network_of(name[0]) if isinstance(name, tuple) else peer, peer)

    def _admit(self, client: socket.socket, origin: str, peer: str) -> None:
        try:
            place = self._limits.enter(origin)
        except BusyError as error:
            _busy.refused(peer, error)
            with client, suppress(OSError):
                _dismiss(client, b"" if self._tls else self._busy(error))
            return
        log.debug("accepted %s", peer, extra={"event": "accepted", "client": peer})
        task = self._loop.create_task(self._serve(client, place, peer), name="accept")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket, place: Place, peer: str) -> None:
        await serve_client(client, place, peer, lambda: self._make(place), tls=self._tls)


_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)


async def serve_client(
    client: socket.socket,
    place: Place,
    peer: str,
    make: Callable[[], _Protocol],
    *,
    tls: Tls | None = None,
) -> _Protocol | None:
    """Serve an accepted connection with the protocol that `make` creates, after a TLS handshake
    with `tls`. Return the protocol; None if the client is lost or the handshake fails."""
    loop = asyncio.get_running_loop()
    try:
        context = None if tls is None else await tls.context_for(client)
        if tls is None:
            _, protocol = await loop.connect_accepted_socket(make, client)
        else:
            _, protocol = await loop.connect_accepted_socket(
                make,
                client,
                ssl=context,
                ssl_handshake_timeout=tls.handshake_timeout,
                ssl_shutdown_timeout=SHUTDOWN_TIMEOUT,
            )
    except BaseException as error:
        place.leave()
        if tls is not None and isinstance(error, PlainClientError):
            with suppress(OSError):
                _dismiss(client, tls.answer)
        client.close()
        if not isinstance(error, OSError):
            raise
        if tls is not None:  # without TLS, the client has already left
            _untrusted.refused(peer, f"the TLS handshake failed: {_reason(error)}")
        return None
    return protocol


def _dismiss(client: socket.socket, answer: bytes) -> None:
    """Send a client the reason why it is refused.

    Raises:
        OSError: it has already left, or sends nothing more.
    """
    client.send(answer)
    client.shutdown(socket.SHUT_WR)
    client.recv(UNREAD_MAX)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return error.strerror or str(error) or "the client closed the connection"
