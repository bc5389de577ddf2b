"""Servers that others send their clients to (Azure's gateways do): python-tds connects to them by
itself. Here it gets the sockets of the session, for which the access rules apply."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytds

Dial = Callable[[str, int], socket.socket]


class _Session(threading.local):
    dial: Dial | None = None
    """Of the session whose thread this is."""


_session = _Session()


class _Sockets:
    """The module `socket` as python-tds sees it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def gethostname(self) -> str:
        """Return a name that is not that of this machine, as the library sends it to servers."""
        return "guacr"

    def create_connection(
        self, address: tuple[str, int], timeout: float | None = None
    ) -> socket.socket:
        """Connect for the session of this thread; without one, as usual."""
        if _session.dial is None:
            return socket.create_connection(address, timeout)
        return _session.dial(*address)


def dial_with(dial: Dial) -> None:
    """Have python-tds connect by `dial` on this thread from now on."""
    _session.dial = dial


vars(pytds)["socket"] = _Sockets()
