"""What a Redis server tells of one key, in a row with names."""

from __future__ import annotations

from handlers.database.adapter import Column, Row
from handlers.database.redis_connection import RedisConnection, ReplyError

COLUMNS = (
    Column("Type"),
    Column("Encoding"),
    Column("Length", right=True),
    Column("Expires"),
    Column("Memory"),
)
_LENGTHS = {
    "string": "STRLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN",
    "stream": "XLEN",
}  # fmt: skip
"""What tells the length of each type."""


async def describe_key(connection: RedisConnection, key: bytes) -> Row | None:
    """The row of `COLUMNS`, without what this user may not know; None if there is no such key.

    Raises:
        OSError, EOFError, RespError: the connection is lost.
    """
    kind = await _ask(connection, b"TYPE", key)
    if kind == "none":
        return None
    length = await _ask(connection, _LENGTHS[kind].encode(), key) if kind in _LENGTHS else None
    seconds = await _ask(connection, b"TTL", key)
    memory = await _ask(connection, b"MEMORY", b"USAGE", key)
    return (
        kind,
        await _ask(connection, b"OBJECT", b"ENCODING", key),
        length,
        "never" if seconds == "-1" else seconds and f"in {seconds} s",
        memory and f"{memory} bytes",
    )


async def _ask(connection: RedisConnection, *arguments: bytes) -> str | None:
    try:
        return str(await connection.call(*arguments))
    except ReplyError:
        return None
