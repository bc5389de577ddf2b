"""A Redis server's data, token by token."""

from __future__ import annotations

import asyncio
from typing import cast

from handlers.database.redis.connection import CHUNK, RedisConnection


async def test_others_have_their_turn_while_much_has_come() -> None:
    reader = asyncio.StreamReader()
    connection = RedisConnection(reader, cast(asyncio.StreamWriter, None))
    reader.feed_data(b":1\r\n" * (10 * CHUNK // 4))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    for _ in range(10 * CHUNK // 4):
        assert (await connection.token()).data == b"1"
    task.cancel()
    assert turns >= 10
