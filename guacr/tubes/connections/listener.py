"""The offerer's listening socket, whose TCP clients become connections."""

from __future__ import annotations

import asyncio
import logging
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from guacr.addresses import described, place
from guacr.errors import shorten
from guacr.host_names import literal
from guacr.tubes.connections.forwarded import ForwardedClient
from guacr.tubes.connections.opening import os_text
from guacr.tubes.connections.socks_client import SocksClient
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.forks import keep_from_children

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

BACKLOG = 128
"""Clients that wait to be accepted; they also wait for the channel."""
BATCH = 32
"""Maximum clients that are accepted in one turn of the event loop."""
PAUSE = 0.2
"""Seconds to pause when the system has no resources for another client."""

log = logging.getLogger("guacr.tubes.listener")


class Listener:
    """Listens from its creation on, and accepts once its conversation has begun.

    As with keeper-pam-webrtc-rs, clients from other machines are refused, whatever the address. So
    are those beyond the conversation's limit of connections.

    Attributes:
        address: address and port, as `actual_local_listen_addr` has them.

    Args:
        host: an address; there is nothing to resolve.
        port: 0 for any.
        socks: clients speak SOCKS5; otherwise, every client is a connection as it is.

    Raises:
        TubeSettingsError: the address cannot be used.
    """

    def __init__(self, host: str, port: int, *, socks: bool = False) -> None:
        self._kind = SocksClient if socks else ForwardedClient
        self._sock = _listen(host, port)
        self.address = place(*self._sock.getsockname()[:2])
        self._loop = asyncio.get_running_loop()
        self._conversation: Conversation | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def start(self, conversation: Conversation) -> None:
        """As `Front.start`."""
        self._conversation = conversation
        self._resume()

    def close(self) -> None:
        """As `Front.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._loop.remove_reader(self._sock)
        self._sock.close()
        if self._pause is not None:
            self._pause.cancel()
        for task in self._tasks:
            task.cancel()

    def _resume(self) -> None:
        self._pause = None
        if not self._is_closed and self._conversation is not None:
            self._loop.add_reader(self._sock, self._accept, self._conversation)

    def _accept(self, conversation: Conversation) -> None:
        for _ in range(BATCH):
            try:
                client, name = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:  # EMFILE, ENFILE, ENOBUFS, ENOMEM
                log.warning("%s: no client can be accepted: %s", conversation.label, error)
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(PAUSE, self._resume)
                return
            if _admits(conversation, name):
                self._serve(conversation, client)
            else:
                client.close()

    def _serve(self, conversation: Conversation, client: socket.socket) -> None:
        client.setblocking(False)
        connection = self._kind(conversation, conversation.table.next_number(), is_opened=False)
        work = self._connect(connection, client)
        task = self._loop.create_task(work, name=f"accept a client of {conversation.label}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(
        self, connection: ForwardedClient | SocksClient, client: socket.socket
    ) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: connection, client)
        except BaseException as error:
            client.close()
            if not isinstance(error, OSError):  # the client has already left
                raise


def _admits(conversation: Conversation, name: tuple[str, int]) -> bool:
    address = literal(name[0])
    if address is None or not address.is_loopback:
        log.warning("%s: refused %s: not on this machine", conversation.label, described(name))
        return False
    if conversation.table.is_full:
        log.warning("%s: refused %s: too many connections", conversation.label, described(name))
        return False
    return True


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET if ip_address(host).version == 4 else socket.AF_INET6
    except ValueError as error:
        text = f"Invalid server address {shorten(host)}: invalid socket address syntax"
        raise TubeSettingsError(text) from error
    sock = socket.socket(family, socket.SOCK_STREAM)
    keep_from_children(sock)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        text = f"Failed to bind to {place(host, port)}: {os_text(error)}"
        raise TubeSettingsError(text) from error
    return sock
