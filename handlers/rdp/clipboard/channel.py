"""The clipboard's channel in a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from typing_extensions import override

from guacr.api import SessionContext
from handlers.rdp.clipboard import pdu
from handlers.rdp.engine import Engine
from handlers.rdp.host_channel import HostChannel

NAME = "cliprdr"
OTHERS_MAX = 1 << 18
"""Bytes of a message that is not an answer of the server."""


class Channel(HostChannel):
    """The channel of one connection at a time.

    Args:
        session: the session.
    """

    name: ClassVar[str] = NAME
    subject: ClassVar[str] = "the clipboard"

    def __init__(self, session: SessionContext) -> None:
        super().__init__(session)
        self._receive: Callable[[pdu.ServerPdu], None] | None = None
        """Called with each message of the server; only while a worker uses the channel, as it
        keeps the clipboard in memory."""
        self.answer_max = 0
        """Bytes of an answer with what has been copied; more is cut off."""
        self.file_part_max = 0
        """Bytes of an answer with a part of a file."""
        self.long_names = False
        """True if both sides have the capability."""

    def begin(self, engine: Engine, receive: Callable[[pdu.ServerPdu], None]) -> None:
        """Use a worker that has not started yet, and have its messages received."""
        self._receive = receive
        self.offer(engine)

    @override
    def end(self) -> None:
        super().end()
        self._receive = None
        self.long_names = False

    @override
    def measure(self, start: bytes, *, is_whole: bool) -> tuple[int, bool]:
        if len(start) < pdu.HEADER.size:
            return OTHERS_MAX, False
        kind, _, size = pdu.HEADER.unpack_from(start)
        limits = {pdu.DATA_RESPONSE: self.answer_max, pdu.FILE_RESPONSE: self.file_part_max}
        most = limits.get(kind, OTHERS_MAX)
        return pdu.HEADER.size + min(size, most), size > most  # without the padding

    @override
    def receive(self, message: bytearray, *, is_cut: bool) -> None:
        try:
            found = pdu.parse(message, long_names=self.long_names, is_cut=is_cut)
        except pdu.PduError as error:
            self._session.log.debug("clipboard of the host: %s", error)
            return
        if found is not None and self._receive is not None:
            self._receive(found)
