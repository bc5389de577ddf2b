"""Memory after many sessions: what they took is given back."""

import asyncio
import gc
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.session.protocols import Protocols
from guacr.testing.client import Behaviour, GuacClient, Hello
from guacr.testing.daemon import local_settings
from tests.handlers.terminal.echo import EchoHandler
from tests.support.loopback import until

FIRST, SESSIONS, PARALLEL = 200, 600, 10
GROWTH_MAX = 5 << 20
"""Bytes: 8 KiB a session would be a leak."""


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
async def test_hundreds_of_sessions_leave_nothing() -> None:
    daemon = Daemon(local_settings(), protocols=Protocols({"echo": EchoHandler}))
    await daemon.start()
    address = ("127.0.0.1", daemon.port)
    hello, behaviour = Hello(width=640, height=480), Behaviour(paint=False)
    gate = asyncio.Semaphore(PARALLEL)

    async def one() -> None:
        async with gate:
            client = await GuacClient.connect(address, "echo", hello=hello, behaviour=behaviour)
            await client.wait(lambda: client.state.syncs, "the first frame")
            await client.close()

    await asyncio.gather(*(one() for _ in range(FIRST)))
    await until(lambda: not daemon.registry.sessions)
    before, tasks = resident(), len(asyncio.all_tasks())
    await asyncio.gather(*(one() for _ in range(SESSIONS)))
    await until(lambda: not daemon.registry.sessions)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert resident() - before < GROWTH_MAX
    await daemon.close()
