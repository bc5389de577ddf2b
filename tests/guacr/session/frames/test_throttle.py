"""Values that hosts send to viewers outside of frames: the newest, no more often than frames."""

from __future__ import annotations

import asyncio

from guacr.session.frames.throttle import BYTES_PER_SECOND, Throttle
from tests.support.loopback import until


async def test_the_first_goes_at_once_and_then_the_last() -> None:
    sent: list[bytes] = []

    def send(content: bytes) -> int:
        sent.append(content)
        return len(content)

    newest = Throttle(0.01, send)
    for content in (b"one", b"two", b"three"):
        newest.put(content)
    assert sent == [b"one"]
    await until(lambda: sent == [b"one", b"three"])
    newest.put(b"four")
    newest.finish()
    newest.put(b"five")
    assert sent == [b"one", b"three", b"four"]


async def test_large_ones_keep_the_next_away_for_longer() -> None:
    times: list[float] = []

    def send(_content: bytes) -> int:
        times.append(asyncio.get_running_loop().time())
        return BYTES_PER_SECOND // 5

    newest = Throttle(0.001, send)
    newest.put(b"one")
    newest.put(b"two")
    await until(lambda: len(times) == 2)
    newest.finish()
    assert times[1] - times[0] >= 0.19
