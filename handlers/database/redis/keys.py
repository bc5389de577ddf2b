"""Describe a Redis key in a row with column names."""

from __future__ import annotations

from handlers.database.adapter import Column, Row
from handlers.database.redis.connection import RedisConnection, ReplyError

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
"""The command for the length of each type."""


async def describe_key(
    connection: RedisConnection, key: bytes, *, asking: bool = False
) -> Row | None:
    """The row of `COLUMNS`, without values that this user may not see; None if the key does not
    exist. With `asking`, the key is in a slot that is moving to this node, and ASKING precedes each
    command.

    Raises:
        OSError, EOFError, RespError: the connection is lost.
    """

    async def ask(*arguments: bytes) -> str | None:
        try:
            if asking:
                await connection.call("ASKING")
            return str(await connection.call(*arguments))
        except ReplyError:
            return None

    kind = await ask(b"TYPE", key)
    if kind == "none":
        return None
    length = await ask(_LENGTHS[kind].encode(), key) if kind in _LENGTHS else None
    seconds = await ask(b"TTL", key)
    memory = await ask(b"MEMORY", b"USAGE", key)
    return (
        kind,
        await ask(b"OBJECT", b"ENCODING", key),
        length,
        "never" if seconds == "-1" else seconds and f"in {seconds} s",
        memory and f"{memory} bytes",
    )
