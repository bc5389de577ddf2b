"""TLS for clients on TCP: the handshake has a deadline, and a failure leaves a line in the log.

asyncio's own servers tell nobody of handshakes that fail.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import cast

from guacr.refusals import Refusals

EARLY_MAX = 65536
"""Bytes that may come with the end of the handshake."""

log = logging.getLogger("guacr.transport")
_failed = Refusals(log)


class TlsAcceptor(asyncio.Protocol):
    """Does the handshake on a connection, and then gives it to the protocol that `accept` makes;
    `failed` is called if it fails."""

    def __init__(
        self,
        context: ssl.SSLContext,
        timeout: float,
        accept: Callable[[], asyncio.Protocol],
        failed: Callable[[], None],
    ) -> None:
        self._context = context
        self._timeout = timeout
        self._accept = accept
        self._on_failure = failed
        self._task: asyncio.Task[None] | None = None
        self._early = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        if self._task is None:
            plain = cast(asyncio.Transport, transport)
            self._task = asyncio.get_running_loop().create_task(
                self._secure(plain), name="TLS handshake"
            )

    def data_received(self, data: bytes) -> None:
        """What comes between the end of the handshake and the next turn of the event loop."""
        if len(self._early) + len(data) <= EARLY_MAX:
            self._early += data

    async def _secure(self, plain: asyncio.Transport) -> None:
        peer = plain.get_extra_info("peername")
        try:
            secured = await asyncio.get_running_loop().start_tls(
                plain, self, self._context, server_side=True, ssl_handshake_timeout=self._timeout
            )
        except (OSError, TimeoutError) as error:
            address = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "a closed connection"
            _failed.report("refused %s: the TLS handshake failed: %s", address, _reason(error))
            secured = None
        if secured is None:
            plain.abort()
            self._on_failure()
            return
        protocol = self._accept()
        secured.set_protocol(protocol)
        protocol.connection_made(secured)
        if self._early:
            protocol.data_received(bytes(self._early))


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return str(error) or "it took too long"
