"""Watches whether a worker works, and whether its host is still there."""

from __future__ import annotations

import asyncio
import socket

from guacr.api import GuacrError
from handlers.link import Link, keep_alive
from handlers.notice import Notice
from handlers.rdp import failures
from handlers.rdp.engine import Engine
from handlers.rdp.params import RdpParams

PAUSE = 0.2
"""Seconds between two looks."""
NOTICE_AFTER, HUNG_AFTER = 0.7, 15.0
"""Seconds without work after which users see a notice, which is a second after the last work at
the latest, and after which the worker is ended."""
SILENT_AFTER = 4.0
"""Seconds without an answer after which users see a notice."""


class Watch:
    """Shows users a notice while nothing works.

    Pauses between looks are added up: if the machine stood still, nobody else is to blame.

    Args:
        engine: the worker.
        notice: where users see it.
        params: those of the connection.
    """

    def __init__(self, engine: Engine, notice: Notice, params: RdpParams) -> None:
        self._engine = engine
        self._link: Link | None = None
        self._notice = notice
        self._params = params
        self._idle = self._silent = 0.0
        self._handled = self._busy = 0

    @property
    def lost(self) -> GuacrError | None:
        """The error of a connection that has ended while the host was silent."""
        if self._silent < SILENT_AFTER:
            return None
        return failures.vanished(self._params, self._silent)

    def begin(self, sock: socket.socket) -> None:
        """Watch the host at the other end of a socket, which the worker will use."""
        keep_alive(sock)
        self._link = Link(sock)

    def end(self) -> None:
        """Forget the socket."""
        if self._link is not None:
            self._link.close()

    async def run(self) -> GuacrError:
        """Return the error when the worker has hung for too long."""
        while self._idle <= HUNG_AFTER:
            await asyncio.sleep(PAUSE)
            is_silent = self._link is not None and self._link.is_silent()
            self._silent = self._silent + PAUSE if is_silent else 0.0
            self._idle = self._idle + PAUSE if self._hangs() else 0.0
            self._report()
        return failures.engine_hung(self._params, HUNG_AFTER)

    def _hangs(self) -> bool:
        engine = self._engine
        is_behind = engine.posted > engine.handled and engine.handled == self._handled
        is_busy = bool(self._busy) and engine.busy_since == self._busy
        self._handled, self._busy = engine.handled, engine.busy_since
        return is_behind or is_busy

    def _report(self) -> None:
        name, later = failures.named(self._params), "What you type and click may arrive later."
        if self._idle > NOTICE_AFTER:
            self._notice.show(
                f"The process that shows {name} has not worked for {self._idle:.0f} s. {later}"
            )
        elif self._silent > SILENT_AFTER:
            self._notice.show(
                f"{name.capitalize()} has not answered for {self._silent:.0f} s. {later}"
            )
        else:
            self._notice.clear()
