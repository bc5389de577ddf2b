"""The share of the time in which a process could run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.workers.processor import Processor
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

SPINS = "print(flush=True)\nwhile True: pass"
WAITS = "print(flush=True)\ninput()"


@asynccontextmanager
async def running(program: str, *before: str) -> AsyncIterator[int]:
    """A Python process; gives its id."""
    process = await asyncio.create_subprocess_exec(
        *before, sys.executable, "-c", program, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.kill()
        await process.wait()


def test_one_that_runs_could_run_for_what_it_ran() -> None:
    processor, begun, used = Processor(os.getpid()), time.monotonic(), time.thread_time()
    while time.thread_time() - used < 0.3:
        pass
    passed = time.monotonic() - begun
    assert processor.share() == pytest.approx(0.3 / passed, abs=0.03 / passed + 0.01)


async def test_one_that_waits_or_is_stopped_could_run() -> None:
    async with running(WAITS) as pid:
        processor = Processor(pid)
        await asyncio.sleep(0.05)
        assert processor.share() == 1
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: ") T " in Path(f"/proc/{pid}/stat").read_text(), "it has stopped")
        assert processor.share() == 1


async def test_one_that_others_keep_from_running_could_not() -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    async with (
        running(SPINS, "taskset", "-c", cpu, "chrt", "--idle", "0") as pid,
        running(SPINS, "taskset", "-c", cpu),
    ):
        processor = Processor(pid)
        await asyncio.sleep(1)
        assert processor.share() < 0.3


def test_one_that_is_gone_could_run() -> None:
    assert Processor(2**22 + 1).share() == 1
