"""A file of a server, written behind: what has arrived is joined to blocks, and several of them are
under way while more arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

from guacr.api import UpstreamError
from handlers.sftp.channel import SftpChannel
from handlers.sftp.pace import BLOCK, WRITES_MAX, BlockWindow, Pace
from handlers.sftp.wire import Packet, StatusError

SETTLE_TIMEOUT = 5.0
"""Seconds in which the server must answer what is under way when a transfer breaks off."""


class Writing:
    """Writes to an open file, from `end` on."""

    __slots__ = ("_channel", "_handle", "_under_way", "end")

    def __init__(self, channel: SftpChannel, handle: bytes, offset: int) -> None:
        self._channel = channel
        self._handle = handle
        self._under_way: deque[tuple[int, asyncio.Future[Packet]]] = deque()
        """The lengths of the writes that are not confirmed, and their answers."""
        self.end = offset
        """The byte before which the server has written everything; it may have written others."""

    async def write(self, data: AsyncIterator[bytes], pace: Pace) -> None:
        """Write everything, and return when the server has confirmed it. Raises what `data` and the
        channel raise; nothing is under way afterwards."""
        buffer, at = bytearray(), self.end
        try:
            with pace.transfer(WRITES_MAX) as window:
                async for piece in data:
                    buffer += piece
                    await self._confirm_done()
                    while len(buffer) >= BLOCK:
                        await self._start(at, bytes(buffer[:BLOCK]), window)
                        del buffer[:BLOCK]
                        at += BLOCK
                if buffer:
                    await self._start(at, bytes(buffer), window)
                while self._under_way:
                    await self._confirm()
        finally:
            await self._settle()

    async def _start(self, at: int, block: bytes, window: BlockWindow) -> None:
        while self._under_way and not window.has_room(len(self._under_way)):
            await self._confirm()
        answer = self._channel.start_write(self._handle, at, block)
        self._under_way.append((len(block), window.note(answer)))

    async def _confirm_done(self) -> None:
        """Confirm the writes that have been answered, to learn of failures early."""
        while self._under_way and self._under_way[0][1].done():
            await self._confirm()

    async def _confirm(self) -> None:
        """Wait for the oldest write. If this is cancelled, the write is not."""
        length, answer = self._under_way[0]
        if not answer.done():
            await asyncio.wait((answer,))
        self._channel.check_written(answer.result())
        self._under_way.popleft()
        self.end += length

    async def _settle(self) -> None:
        """Wait for what is under way after a failure, and find out how much was written."""
        answers = [answer for _, answer in self._under_way]
        if answers:
            await asyncio.wait(answers, timeout=SETTLE_TIMEOUT)
        with suppress(StatusError, UpstreamError):
            while self._under_way and self._under_way[0][1].done():
                await self._confirm()
        while self._under_way:
            self._under_way.popleft()[1].cancel()
