"""Name resolution and TCP connections for backends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

from guacr.addresses import place
from guacr.errors import shorten
from guacr.host_names import literal
from guacr.tubes.connections.opening import os_text
from guacr.tubes.connections.tcp import TcpConnection
from guacr.tubes.errors import ConnectError

CONNECT_TIMEOUT = 10.0
"""Seconds for all addresses of a host."""
RESOLVE_TIMEOUT = 10.0
ADDRESSES_MAX = 8
"""Addresses of a host that are tried."""
RESOLVING_MAX = 16
"""Names that one conversation resolves at a time, each in a thread."""

_C = TypeVar("_C", bound=TcpConnection)


class Resolver:
    """Resolves the names of one conversation."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(RESOLVING_MAX)

    async def resolve(self, host: str) -> list[str]:
        """Return the addresses of a host, best first; an address is its own.

        Raises:
            ConnectError: it cannot be resolved.
        """
        if literal(host) is not None:
            return [host.removeprefix("[").removesuffix("]")]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT), self._places:
                found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError) as error:
            raise ConnectError(f"DNS lookup failed for host {shorten(host)}") from error
        return list(dict.fromkeys(str(address[0]) for *_, address in found))[:ADDRESSES_MAX]


async def connect(make: Callable[[], _C], addresses: Sequence[str], port: int) -> _C:
    """Connect to the first address that can be reached; `make` makes a connection, which reads
    nothing before it is started.

    Raises:
        ConnectError: none can.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + CONNECT_TIMEOUT
    text = "no address to connect to"
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            async with asyncio.timeout((end - loop.time()) / left):
                _, connection = await loop.create_connection(make, address, port)
        except TimeoutError:
            text = f"no answer from {place(address, port)}"
        except OSError as error:
            text = os_text(error)
        else:
            return connection
    raise ConnectError(text)
