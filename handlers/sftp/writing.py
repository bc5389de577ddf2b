"""A file of a server, written behind: what has arrived is joined to blocks, and several of them are
under way while more arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from handlers.sftp.channel import SftpChannel
from handlers.sftp.pace import BLOCK, WRITES_MAX, BlockWindow, Pace

SETTLE_TIMEOUT = 5.0
"""Seconds in which the server must answer what is under way when a transfer breaks off."""


class Writing:
    """Writes to an open file, from `end` on."""

    __slots__ = ("_channel", "_handle", "_under_way", "end")

    def __init__(self, channel: SftpChannel, handle: bytes, offset: int) -> None:
        self._channel = channel
        self._handle = handle
        self._under_way: deque[tuple[int, asyncio.Task[None]]] = deque()
        """The lengths of the writes without an answer, and the writes."""
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
        write = self._channel.write(self._handle, at, block)
        self._under_way.append((len(block), window.start(write)))

    async def _confirm_done(self) -> None:
        """Confirm the writes that have been answered, to learn of failures early."""
        while self._under_way and self._under_way[0][1].done():
            await self._confirm()

    async def _confirm(self) -> None:
        """Wait for the oldest write. If this is cancelled, the write is not."""
        length, write = self._under_way[0]
        await asyncio.wait((write,))
        write.result()
        self._under_way.popleft()
        self.end += length

    async def _settle(self) -> None:
        """Wait for what is under way after a failure, and find out how much was written."""
        writes = [write for _, write in self._under_way]
        if writes:
            await asyncio.wait(writes, timeout=SETTLE_TIMEOUT)
            for write in writes:
                write.cancel()
            await asyncio.gather(*writes, return_exceptions=True)
        while self._under_way:
            length, write = self._under_way.popleft()
            if write.cancelled() or write.exception() is not None:
                self._under_way.clear()
                return
            self.end += length
