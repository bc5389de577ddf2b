"""A file of a server, read ahead: several requests are under way while users receive the rest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from handlers.sftp.channel import SftpChannel
from handlers.sftp.pace import BLOCK, READS_MAX, Pace


async def read_ahead(
    channel: SftpChannel, handle: bytes, offset: int, size: int, pace: Pace
) -> AsyncGenerator[bytes, None]:
    """Yield the content of an open file from `offset` to its end, in blocks.

    Servers say what they like of sizes (of a file in /proc, that it is empty), and files grow: the
    file ends where the server says so at reading. Up to `size`, blocks are requested in parallel.
    """
    ahead: deque[asyncio.Task[bytes]] = deque()
    at = offset
    with pace.transfer(READS_MAX) as window:
        try:
            while True:
                while not ahead or (at < size and window.has_room(len(ahead))):
                    ahead.append(window.start(_block(channel, handle, at)))
                    at += BLOCK
                data = await ahead[0]
                ahead.popleft()
                if data:
                    yield data
                if len(data) < BLOCK:
                    return
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)


async def _block(channel: SftpChannel, handle: bytes, offset: int) -> bytes:
    """Read a block; servers may send fewer bytes than requested, even before the end."""
    data = await channel.read(handle, offset, BLOCK)
    if len(data) in (0, BLOCK):
        return data
    parts, length = [data], len(data)
    while data and length < BLOCK:
        data = await channel.read(handle, offset + length, BLOCK - length)
        parts.append(data)
        length += len(data)
    return b"".join(parts)
