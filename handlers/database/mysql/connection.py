"""A bounded connection to MySQL: the library has no limits."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from asyncmy import errors
from asyncmy.connection import Connection
from asyncmy.constants import CLIENT
from asyncmy.protocol import FieldDescriptorPacket, MysqlPacket
from typing_extensions import override

COLUMNS_MAX = 4096
"""Maximum columns of a result, as of a table in MySQL."""
_QUIT = b"\x01\0\0\0\x01"
"""The packet COM_QUIT."""
_LOST = 2013
_MALFORMED = 2027


_Library: Any = Connection  # its stub lacks most of it


class BoundedConnection(_Library):  # type: ignore[misc]
    """Reads from its server only while it waits for a packet.

    Args:
        limit: maximum bytes of a packet, which is a row, a description or a message.
        sock: a connected socket; None for a Unix socket, which `options` name.
        tls: the encryption that begins after the server's greeting, if any.
    """

    def __init__(
        self,
        limit: int,
        *,
        sock: socket.socket | None,
        tls: ssl.SSLContext | None,
        **options: Any,
    ) -> None:
        super().__init__(sock=sock, **options)
        self._limit = limit
        self._tls = tls
        if tls is not None:
            self._client_flag |= CLIENT.SSL
        self._taken = 0
        """Bytes of the current packet that were waited for."""
        self._columns = 0

    async def _get_server_information(self) -> None:
        """Read the greeting. With a socket and encryption, the library would begin with TLS."""
        await super()._get_server_information()
        self._ssl_context = self._tls

    def drop_socket(self) -> None:
        """Close the socket if the library has not begun to use it."""
        if self._sock is not None and not self._sock_consumed:
            self._sock.close()

    async def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:
        """Run a statement; unless `unbuffered`, it must not return rows."""
        count = await super().query(sql, True)
        self._expect_no_rows(unbuffered)
        return count

    async def next_result(self, unbuffered: bool = False) -> Any:
        """Read a further result, in the same way."""
        count = await super().next_result(True)
        self._expect_no_rows(unbuffered)
        return count

    async def show_warnings(self) -> None:
        """Do nothing: the library would fetch all warnings of a statement by itself, keep them, and
        log their texts, which quote data."""

    def _expect_no_rows(self, unbuffered: bool) -> None:
        if not unbuffered and self._result.unbuffered_active:
            raise errors.OperationalError(_MALFORMED, "the server sends rows that nobody asked for")

    @override
    async def read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        self._taken = 0
        self._columns = self._columns + 1 if packet_type is FieldDescriptorPacket else 0
        if self._columns > COLUMNS_MAX:
            raise errors.OperationalError(_LOST, f"a result has more than {COLUMNS_MAX} columns")
        return await super().read_packet(packet_type)

    async def _fill_buffer(self, need: int) -> None:
        """Read `need` bytes into the buffer, if they are within the limit."""
        self._taken += need
        if self._taken > self._limit:
            raise errors.OperationalError(
                _LOST,
                f"the server sent a value of more than {self._limit} bytes (databases.max_value)",
            )
        transport = self._transport  # cancelling removes it
        transport.resume_reading()
        try:
            await super()._fill_buffer(need)
        finally:
            if not transport.is_closing():
                transport.pause_reading()

    async def send_quit(self) -> None:
        """Send COM_QUIT, without waiting for an answer."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            self._write_bytes(_QUIT)
            await self._proto.drain()
            await asyncio.sleep(0)  # uvloop writes at the end of a turn
