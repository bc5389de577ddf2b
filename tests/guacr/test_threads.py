"""Threads: what one peer makes wait keeps nobody else from anything."""

from __future__ import annotations

import asyncio
import threading

from guacr.testing.daemon import running_daemon
from guacr.threads import WAITING_MAX, compute

SLOW = 64
"""Peers that are waited for at once."""


async def test_slow_peers_keep_no_one_waiting() -> None:
    release = threading.Event()
    async with running_daemon():
        slow = [asyncio.create_task(asyncio.to_thread(release.wait)) for _ in range(SLOW)]
        await asyncio.sleep(0)  # they have begun
        try:
            async with asyncio.timeout(10):
                assert await asyncio.to_thread(lambda: "quick") == "quick"
        finally:
            release.set()
            await asyncio.gather(*slow)


async def test_computing_waits_for_no_peers() -> None:
    release = threading.Event()
    async with running_daemon():
        slow = [asyncio.create_task(asyncio.to_thread(release.wait)) for _ in range(WAITING_MAX)]
        await asyncio.sleep(0)  # they have begun
        try:
            async with asyncio.timeout(10):
                name = await compute(lambda: threading.current_thread().name)
            assert name.startswith("computing")
        finally:
            release.set()
            await asyncio.gather(*slow)
