"""The event loop of a process, and the end of the process."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import sys
from collections.abc import Callable
from contextvars import Context
from functools import cache, partial
from typing import Any, NoReturn, TypeVarTuple

from typing_extensions import override

from guacr.standstill import SHORT, PatientLoop, is_patient
from guacr.threads import WAITING_MAX

_Ts = TypeVarTuple("_Ts")
_FAILED_CONNECTION = (ConnectionError, ssl.SSLError, TimeoutError)

log = logging.getLogger("guacr.event_loop")


class _Loop(PatientLoop):
    """Common to the event loops: their timers, and their reports of failures."""

    @override
    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's, but for connections that fail while nobody waits for them any more: their
        session has ended at that moment. The failure of a task is reported, whatever it is."""
        future, error = context.get("future"), context.get("exception")
        was_abandoned = future is not None and not isinstance(future, asyncio.Task)
        if was_abandoned and isinstance(error, _FAILED_CONNECTION):
            log.debug("a connection failed that nobody waited for any more: %s", error)
        else:
            super().default_exception_handler(context)


class PlainLoop(_Loop, asyncio.SelectorEventLoop):
    """asyncio's event loop, for systems without uvloop."""

    @override
    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's; longer timers are made by `call_later`, as in uvloop."""
        delay = when - self.time()
        if delay <= SHORT or is_patient(callback):
            return super().call_at(when, callback, *args, context=context)
        return self.call_later(delay, callback, *args, context=context)


def loop_factory(threads: int = WAITING_MAX) -> type[asyncio.AbstractEventLoop]:
    """Return the event loop of `loop_type`. uvloop's resolves names in so many threads, all of
    which it creates with the first name."""
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(threads))
    return loop_type()


@cache
def loop_type() -> type[asyncio.AbstractEventLoop]:
    """Return uvloop's event loop if it is installed, and asyncio's otherwise; with the timers of
    `PatientLoop`."""
    try:
        import uvloop
    except ImportError:
        return PlainLoop

    class Loop(_Loop, uvloop.Loop):  # type: ignore[misc]  # the stubs differ
        """uvloop's event loop, which becomes the owner of sockets that it connects.

        uvloop has a transport close the descriptor of such a socket. If this happens before the
        connection is ready, as when the peer resets it meanwhile, the socket object keeps the
        number, and closes it again whenever it is collected: by then, the number may be that of
        another session's connection (uvloop's issues 645 and 738, mended in 0.23 only in part).
        """

        @override
        async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> list[tuple[Any, ...]]:
            """As asyncio's; uvloop's ignores the zones of addresses, such as fe80::1%eth0."""
            if isinstance(host, str) and "%" in host:
                resolve = partial(socket.getaddrinfo, host, port, **options)
                return await self.run_in_executor(None, resolve)
            return await super().getaddrinfo(host, port, **options)

        @override
        async def create_connection(
            self, protocol_factory: Any, *args: Any, sock: Any = None, **options: Any
        ) -> Any:
            """As asyncio's; `sock` can no longer be used, whatever comes of it."""
            try:
                return await super().create_connection(
                    protocol_factory, *args, sock=sock, **options
                )
            finally:
                if sock is not None:
                    sock.detach()

        @override
        async def create_unix_connection(
            self, protocol_factory: Any, *args: Any, sock: Any = None, **options: Any
        ) -> Any:
            """As asyncio's; `sock` can no longer be used, whatever comes of it."""
            try:
                return await super().create_unix_connection(
                    protocol_factory, *args, sock=sock, **options
                )
            finally:
                if sock is not None:
                    sock.detach()

    return Loop


def leave() -> NoReturn:
    """Exit immediately. Python would first wait for every thread, including those that wait for a
    name server or a Kerberos realm that does not answer."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
