"""The devices' channel in a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from typing_extensions import override

from guacr.api import SessionContext
from handlers.rdp.devices import pdu
from handlers.rdp.engine import Engine
from handlers.rdp.host_channel import HostChannel

NAME = "rdpdr"
MESSAGE_MAX = (1 << 22) + 4096
"""Bytes of a message; the largest ones write into a file."""


class Channel(HostChannel):
    """The channel of one connection at a time.

    Args:
        session: the session.
    """

    name: ClassVar[str] = NAME
    subject: ClassVar[str] = "redirected devices"

    def __init__(self, session: SessionContext) -> None:
        super().__init__(session)
        self._receive: Callable[[pdu.Pdu], None] | None = None

    def begin(self, engine: Engine, receive: Callable[[pdu.Pdu], None]) -> None:
        """Use a worker that has not started yet, and have its messages received."""
        self._receive = receive
        self.offer(engine)

    @override
    def end(self) -> None:
        super().end()
        self._receive = None

    @override
    def measure(self, start: bytes, *, is_whole: bool) -> tuple[int, bool]:
        return len(start) if is_whole else MESSAGE_MAX, False

    @override
    def receive(self, message: bytearray, *, is_cut: bool) -> None:
        """Handle a message. A request that was cut off is refused, as it lacks something."""
        try:
            found = pdu.parse(message)
        except pdu.PduError as error:
            self._session.log.debug("devices of the host: %s", error)
            return
        if found is not None and self._receive is not None:
            self._receive(found)
