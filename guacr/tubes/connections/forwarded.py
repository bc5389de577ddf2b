"""A client of the offerer's listener whose bytes are forwarded as they are."""

from __future__ import annotations

import asyncio

from typing_extensions import override

from guacr.tubes.connections.tcp import TcpConnection
from guacr.tubes.wire.control import OpenConnection


class ForwardedClient(TcpConnection):
    """A TCP client that becomes a connection at once."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.conversation.is_closed:
            self.abort()
            return
        self.conversation.table.add(self)
        self._outlet.send_control(OpenConnection(self.number))
        self.start()
