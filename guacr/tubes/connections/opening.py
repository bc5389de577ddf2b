"""A connection whose backend is being opened."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

from typing_extensions import override

from guacr.tubes.connections.connection import Backend, Connection
from guacr.tubes.errors import TubeError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import ConnectionOpened

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

OPEN_TIMEOUT = 30.0
"""Seconds until a connection is given up that nobody opens."""

log = logging.getLogger("guacr.tubes.conversation")


class Opening(Connection):
    """Takes the place of a connection until its backend is there: its data waits."""

    is_opened = False

    def __init__(
        self, conversation: Conversation, number: int, backend: Backend, body: bytes
    ) -> None:
        super().__init__(conversation, number)
        self.inflow.hold()
        self._task = asyncio.get_running_loop().create_task(
            self._open(backend, body), name=f"open connection {number} of {conversation.label}"
        )
        self._task.add_done_callback(self._on_done)

    @override
    def receive(self, data: bytes) -> None:
        """Without a backend, nobody takes the data."""

    @override
    def receive_eof(self) -> None:
        """As `receive`."""

    @override
    def close(self, reason: CloseReason, text: str) -> None:
        self.abort()

    @override
    def abort(self) -> None:
        if self._task is not asyncio.current_task():
            self._task.cancel()

    async def _open(self, backend: Backend, body: bytes) -> None:
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                connection = await backend.open(self.conversation, self.number, body)
        except TubeError as error:
            self._failed(error.reason, str(error))
        except TimeoutError:
            self._failed(CloseReason.TIMEOUT, f"not opened within {OPEN_TIMEOUT:g} s")
        except OSError as error:
            self._failed(CloseReason.CONNECTION_FAILED, os_text(error))
        except Exception:
            log.exception("%s: connection %d", self.conversation.label, self.number)
            self._failed(CloseReason.ERROR, "internal error: see the log")
        else:
            self._succeeded(connection)

    def _failed(self, reason: CloseReason, text: str) -> None:
        self.conversation.end(self, reason, text)

    def _succeeded(self, connection: Connection) -> None:
        conversation = self.conversation
        conversation.table.replace(self, connection)
        conversation.outlet.send_control(ConnectionOpened(self.number))
        conversation.tell_started(connection)
        connection.start()
        connection.inflow.deliver()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self.conversation.table.released(self)


def os_text(error: OSError) -> str:
    """Describe an error of the system as keeper-pam-webrtc-rs does."""
    if error.errno is None or error.errno < 0:
        return str(error) or type(error).__name__
    return f"{os.strerror(error.errno)} (os error {error.errno})"
