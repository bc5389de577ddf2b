"""A file of a server, read ahead: several requests are under way while users receive the rest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from handlers.sftp.channel import SftpChannel
from handlers.sftp.pace import BLOCK, READS_MAX, Pace
from handlers.sftp.wire import Packet

BLOCK_MIN = 4096
"""Bytes that are requested at least, even if the server has sent fewer."""


async def read_ahead(
    channel: SftpChannel, handle: bytes, offset: int, size: int, pace: Pace
) -> AsyncGenerator[bytes, None]:
    """Yield the content of an open file from `offset` to its end, in blocks.

    Servers say what they like of sizes (of a file in /proc, that it is empty), and files grow: the
    file ends where the server says so at reading. Up to `size`, blocks are requested in parallel.
    If a server sends fewer bytes than requested, further blocks have as many.
    """
    ahead: deque[tuple[int, int, asyncio.Future[Packet]]] = deque()
    """Where each block begins, its length, and the answer."""
    at, block = offset, BLOCK
    with pace.transfer(READS_MAX) as window:
        try:
            while True:
                while not ahead or (at < size and window.has_room(len(ahead))):
                    ahead.append((at, block, window.note(channel.start_read(handle, at, block))))
                    at += block
                start, length, _ = ahead[0]
                data = channel.data(await ahead[0][2], length)
                ahead.popleft()
                if 0 < len(data) < length:
                    block = max(len(data), BLOCK_MIN)
                    data += await _rest(channel, handle, start + len(data), length - len(data))
                if data:
                    yield data
                if len(data) < length:
                    return
        finally:
            while ahead:
                ahead.popleft()[2].cancel()


async def _rest(channel: SftpChannel, handle: bytes, offset: int, length: int) -> bytes:
    """Read the rest of a block; less at the end of the file."""
    data = bytearray()
    while len(data) < length:
        more = await channel.read(handle, offset + len(data), length - len(data))
        if not more:
            break
        data += more
    return bytes(data)
