"""The front's listening sockets: accept clients, and read what they select."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from itertools import count

from typing_extensions import override

from guacr.errors import BusyError, ClientTimeoutError, ProtocolError
from guacr.net.acceptor import Acceptor
from guacr.net.answers import unavailable
from guacr.net.connection_limits import ConnectionLimits, Place
from guacr.net.handover import Port
from guacr.net.open_files import open_files
from guacr.protocol.instruction import encode
from guacr.protocol.parser import FEED_SIZE, InstructionParser
from guacr.refusals import Refusals
from guacr.session.ids import CONNECTION_ID_PREFIX, worker_of
from guacr.settings.models import Settings
from guacr.workers.client import Client

log = logging.getLogger("guacr.reception")
_refusals, _crowded = Refusals(log), Refusals(log)


class Reception:
    """Makes clients of accepted connections.

    Args:
        settings: returns the current settings.
        dispatch: called with each client, once it is known what it wants.
    """

    def __init__(
        self, settings: Callable[[], Settings], dispatch: Callable[[Client], None]
    ) -> None:
        self._settings = settings
        self._dispatch = dispatch
        self._leases = count(1)
        self._acceptors: list[Acceptor] = []
        self._present = 0
        self._present_max = open_files() // 2

    def listen(self, sock: socket.socket, port: Port, limits: ConnectionLimits) -> None:
        """Begin to accept connections."""
        acceptor = _Acceptor(sock, port, limits, self)
        self._acceptors.append(acceptor)
        acceptor.start()

    def close(self) -> None:
        """Stop accepting; clients whose `select` is being read are closed."""
        for acceptor in self._acceptors:
            acceptor.close()

    def new_lease(self) -> int:
        """Return the number of a new client."""
        return next(self._leases)

    async def receive(self, client: socket.socket, place: Place, peer: str, port: Port) -> None:
        """Pass a connection on, once it is known which worker it belongs to."""
        if self._present >= self._present_max:  # slow clients have all descriptors of the front
            place.leave()
            client.close()
            _crowded.report("closed %s: too many clients have not selected anything yet", peer)
            return
        self._present += 1
        try:
            await self._receive(client, place, peer, port)
        except BaseException as error:
            client.close()
            place.leave()
            if not isinstance(error, OSError):
                raise
        finally:
            self._present -= 1

    async def _receive(self, sock: socket.socket, place: Place, peer: str, port: Port) -> None:
        settings, is_unix = self._settings(), sock.family == socket.AF_UNIX
        found = Client(self.new_lease(), sock, place, port)
        if port == "web":
            found.tls = settings.websocket.tls_certificate is not None
            found.moves = True
        elif settings.server.tls_certificate is not None and not is_unix:
            found.tls = found.moves = True
        else:
            try:
                async with asyncio.timeout(settings.server.handshake_timeout):
                    found.head, select = await _read_select(sock)
            except TimeoutError:
                timeout = settings.server.handshake_timeout
                late = ClientTimeoutError(
                    f"the handshake was not complete after {timeout:g} seconds"
                )
                _refusals.refused(peer, late)
                found.refuse(late)
                return
            if select.startswith(CONNECTION_ID_PREFIX):
                found.worker = worker_of(select)
        self._dispatch(found)


async def _read_select(sock: socket.socket) -> tuple[bytes, str]:
    """Read the first instruction of a client. Return all that was read, and what the client
    selects: empty if it did something else, which the worker will refuse.

    Raises:
        OSError: the client is gone.
    """
    loop, parser, head = asyncio.get_running_loop(), InstructionParser(), b""
    while True:
        data = await loop.sock_recv(sock, FEED_SIZE)
        if not data:
            raise ConnectionResetError
        head += data
        try:
            instructions = parser.feed(data)
        except ProtocolError:
            return head, ""
        if instructions:
            opcode, args = instructions[0].opcode, instructions[0].args
            return head, args[0] if opcode == "select" and args else ""


class _Acceptor(Acceptor):
    """Gives connections to a reception, instead of serving them."""

    def __init__(
        self, sock: socket.socket, port: Port, limits: ConnectionLimits, reception: Reception
    ) -> None:
        super().__init__(sock, limits, _nothing, _busy[port])
        self._port: Port = port
        self._reception = reception

    @override
    async def _serve(self, client: socket.socket, place: Place, peer: str) -> None:
        await self._reception.receive(client, place, peer, self._port)


def _nothing(place: Place) -> asyncio.Protocol:
    raise NotImplementedError  # `_serve` needs none


def _too_many(error: BusyError) -> bytes:
    return encode("error", str(error), error.status)


_busy: dict[Port, Callable[[BusyError], bytes]] = {"tcp": _too_many, "web": unavailable}
