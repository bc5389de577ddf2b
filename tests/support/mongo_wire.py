"""A host that speaks enough of MongoDB's protocol (OP_MSG) to hold the client to it; it is no
database: each command's answer is the test's."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import bson

HEADER = struct.Struct("<iiii")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
HELLO = {
    "ok": 1.0, "isWritablePrimary": True, "ismaster": True, "maxBsonObjectSize": 1 << 24,
    "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000, "minWireVersion": 0,
    "maxWireVersion": 21, "readOnly": False, "logicalSessionTimeoutMinutes": 30,
}  # fmt: skip


@asynccontextmanager
async def mongo_host(answer: Answer) -> AsyncIterator[dict[str, str]]:
    """Parameters of a connection to it; `answer` makes replies of commands."""
    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                size, number, _, kind = HEADER.unpack(await reader.readexactly(HEADER.size))
                body = await reader.readexactly(size - HEADER.size)
                writer.write(_packed(await _reply(_command(kind, body), answer), number, kind))
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(talk(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield {"hostname": "127.0.0.1", "port": str(port)}
        finally:
            for task in talks:
                task.cancel()
            await asyncio.gather(*talks, return_exceptions=True)


def _command(kind: int, body: bytes) -> dict[str, Any]:
    """The document of a message, with those of its sequences."""
    place = 5 if kind == OP_MSG else body.index(b"\0", 4) + 9
    size = int.from_bytes(body[place : place + 4], "little")
    command = bson.decode(body[place : place + size])
    place += size
    while kind == OP_MSG and place < len(body):
        end = place + 1 + int.from_bytes(body[place + 1 : place + 5], "little")
        name_end = body.index(b"\0", place + 5)
        name = body[place + 5 : name_end].decode()
        command[name] = bson.decode_all(body[name_end + 1 : end])
        place = end
    return command


async def _reply(command: dict[str, Any], answer: Answer) -> dict[str, Any]:
    name = next(iter(command))
    if name.lower() in ("hello", "ismaster"):
        return HELLO
    if name in ("ping", "endSessions", "killCursors"):
        return {"ok": 1.0}
    if name.lower() == "buildinfo":
        return {"ok": 1.0, "version": "7.0.0"}
    return await answer(command)


def _packed(reply: dict[str, Any], number: int, kind: int) -> bytes:
    document = bson.encode(reply)
    if kind == OP_QUERY:
        body = struct.pack("<iqii", 8, 0, 0, 1) + document
        return HEADER.pack(HEADER.size + len(body), 1, number, OP_REPLY) + body
    body = struct.pack("<iB", 0, 0) + document
    return HEADER.pack(HEADER.size + len(body), 1, number, OP_MSG) + body
