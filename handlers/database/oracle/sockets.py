"""The connections of python-oracledb. It resolves names itself, and listeners send it elsewhere (as
those of clusters do); here it gets the sockets of the session, for which the access rules apply."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from oracledb import thin_impl  # type: ignore[attr-defined]  # for what is in it

Dial = Callable[[str, int], Awaitable[socket.socket]]

_dial: ContextVar[Dial | None] = ContextVar("dial", default=None)


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
        dial = _dial.get()
        if dial is None:
            return await self._loop.create_connection(factory, host, port, **options)
        sock = await dial(host, port)
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
def dialling(dial: Dial) -> Iterator[None]:
    """Have the library connect by `dial` in this task, and in tasks that it starts."""
    token = _dial.set(dial)
    try:
        yield
    finally:
        _dial.reset(token)


vars(thin_impl)["asyncio"] = _Asyncio()
