"""The connections of python-oracledb. It resolves names itself, and listeners send it elsewhere (as
those of clusters do); here it gets the addresses and the sockets of the session, for which the
access rules apply."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from oracledb import base_impl, thin_impl  # type: ignore[attr-defined]  # for what is in them

from handlers.dial import Address


@dataclass(frozen=True, slots=True)
class Sockets:
    """The network of a session."""

    host: str
    """The name of the host."""
    addresses: list[Address]
    """Those that may be connected to."""
    connect: Callable[[str, int], Awaitable[socket.socket]]
    """Returns a socket that is connected to one of them, or to where a listener sends its client;
    raises a `GuacrError` if that is not allowed."""


_sockets: ContextVar[Sockets | None] = ContextVar("sockets", default=None)


class _Socket:
    """The module `socket` as the library sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def getaddrinfo(self, host: str, port: int, *arguments: Any, **options: Any) -> Any:
        """Return the addresses of the session's host; those of others as usual."""
        known = _sockets.get()
        if known is None or host != known.host:
            return socket.getaddrinfo(host, port, *arguments, **options)
        kind, protocol = socket.SOCK_STREAM, socket.IPPROTO_TCP
        return [(family, kind, protocol, "", address) for family, address in known.addresses]


class _Loop:
    """An event loop as the library sees it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, **options: Any
    ) -> Any:
        """Connect for the session of this task; without one, as usual."""
        known = _sockets.get()
        if known is None:
            return await self._loop.create_connection(factory, host, port, **options)
        sock = await known.connect(host, port)
        try:
            return await self._loop.create_connection(factory, sock=sock)
        except BaseException:
            sock.close()
            raise


class _Asyncio:
    """The module `asyncio` as the library sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    def get_running_loop(self) -> Any:
        """Return the event loop."""
        return _Loop(asyncio.get_running_loop())


@contextmanager
def network_of(sockets: Sockets) -> Iterator[None]:
    """Have the library connect by `sockets` in this task, and in tasks that it starts."""
    token = _sockets.set(sockets)
    try:
        yield
    finally:
        _sockets.reset(token)


vars(base_impl)["socket"] = _Socket()
vars(thin_impl)["asyncio"] = _Asyncio()
