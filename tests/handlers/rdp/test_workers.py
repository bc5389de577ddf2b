"""Workers that end, hang or misbehave, the zygote, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from operator import le
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp import engine as rdp_engine
from handlers.rdp import watch
from handlers.rdp.channel.codec import HEADER, PART_MAX, Message
from handlers.rdp.channel.messages import CursorDefault, Mouse, Painted, Scancode, UnicodeKey
from handlers.rdp.channel.pipes import PipeGiven
from handlers.rdp.engine import UNSENT_MAX, Engine, EngineError
from handlers.rdp.launcher import launcher
from handlers.rdp.worker.engines import AARDWOLF, AUTO
from tests.handlers.rdp.sessions import aardwolf, connected, shows, workers, zygote_pid
from tests.support.certificates import Pair
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.guarding import owned
from tests.support.waiting import until
from tests.support.xvnc import Desktop

GROWTH_MAX = 4 << 20
"""Bytes by which memory may grow over 75 connections: a desktop's picture alone has 3 MiB."""
ROUNDS = 4
"""Rounds of so many, in one of which it must not grow by more: what is left of other tests, and
how the allocator splits its memory, settles."""


@pytest.fixture
async def shadow(desktop: Desktop, pair: Pair, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """The parameters of a server that needs no password."""
    desktop.run("xsetroot", "-solid", "#204060")
    async with freerdp_shadow(desktop, "tls", pair, tmp_path) as found:
        yield found


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def standard_streams(pid: int) -> set[str]:
    return {str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in range(3)}


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        (AUTO, signal.SIGKILL),
        (AUTO, signal.SIGSEGV),
        pytest.param(AARDWOLF, signal.SIGKILL, marks=aardwolf),
    ],
)
async def test_a_worker_that_ends(
    engine: str, number: signal.Signals, daemon: Daemon, desktop: Desktop, shadow: dict[str, str]
) -> None:
    async with connected(daemon, shadow) as other:
        (first,) = workers(zygote_pid(engine))
        async with connected(daemon, shadow) as client:
            (worker,) = workers(zygote_pid(engine)) - {first}
            if os.geteuid() == 0:  # nobody else may look
                assert standard_streams(worker) == {os.devnull}
            os.kill(worker, number)
            await client.wait(lambda: client.state.errors, "the error", timeout=2)
            ((sentence, status),) = client.state.errors
            assert "has ended unexpectedly: connect again" in sentence
            assert status == Status.UPSTREAM_ERROR
        desktop.run("xsetroot", "-solid", "#604020")
        await shows(other, desktop)
    await until(lambda: not workers(zygote_pid(engine)), "the workers' end")


async def test_a_worker_that_hangs(
    daemon: Daemon, shadow: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HUNG_AFTER", 2.5)
    async with connected(daemon, shadow) as client:
        (worker,) = workers(zygote_pid())
        os.kill(worker, signal.SIGSTOP)
        frames = client.state.syncs
        client.mouse(5, 5)
        await client.wait(lambda: client.state.syncs > frames, "a notice", timeout=4)
        await client.wait(lambda: client.state.errors, "the error")
        assert "has not worked for 2.5 s and was ended" in client.state.errors[0][0]
    await until(lambda: not workers(zygote_pid()), "the worker's end")


async def test_a_zygote_that_ends(daemon: Daemon, desktop: Desktop, shadow: dict[str, str]) -> None:
    async with connected(daemon, shadow) as client:
        first = zygote_pid()
        os.kill(first, signal.SIGKILL)
        async with connected(daemon, shadow) as second:
            assert zygote_pid() != first
            desktop.run("xsetroot", "-solid", "#604020")
            await shows(client, desktop)
            await shows(second, desktop)
    await asyncio.to_thread(launcher.close)
    with owned():
        await asyncio.to_thread(launcher.start)  # for other tests


DAEMON = """\
import asyncio, json, sys
from guacr.testing import GuacClient, address, running_daemon
from handlers.rdp.handler import RdpHandler
from handlers.rdp.launcher import launcher

async def main():
    async with running_daemon(RdpHandler) as daemon:
        parameters = json.loads(sys.argv[1])
        async with await GuacClient.connect(address(daemon), "rdp", parameters) as client:
            await client.wait(lambda: client.state.syncs, "the desktop", 30)
            print(launcher._zygote._process.pid, flush=True)
            await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_daemon_that_is_killed(shadow: dict[str, str]) -> None:
    parameters = str(shadow | {"ignore-cert": "true"}).replace("'", '"')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DAEMON, parameters, stdout=subprocess.PIPE
    )
    assert process.stdout
    parent = int(await process.stdout.readline())
    (worker,) = workers(parent)
    process.kill()
    await process.wait()
    await until(lambda: not exists(parent), "the zygote's end")
    await until(lambda: not exists(worker), "the worker's end")


async def test_nothing_is_left(daemon: Daemon, shadow: dict[str, str]) -> None:
    """Of sessions that end in any phase."""
    async with connected(daemon, shadow):
        pass
    await until(lambda: not daemon.registry.sessions, "the end")
    before = counts()
    values = shadow | {"ignore-cert": "true"}
    for delay in [0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4]:
        async with await GuacClient.connect(address(daemon), "rdp", values):
            await asyncio.sleep(delay)
    await until(lambda: not daemon.registry.sessions, "the end of the sessions")
    await until(lambda: not workers(zygote_pid()), "the workers' end")
    await until(lambda: all(map(le, counts(), before)), "closed files")


async def test_a_hundred_connections(daemon: Daemon, shadow: dict[str, str]) -> None:
    """Neither files nor memory grow; the first ones warm everything up."""

    async def connect() -> None:
        async with connected(daemon, shadow):
            pass

    async def connect_many(times: int) -> list[int]:
        for _ in range(times):
            await asyncio.gather(*(connect() for _ in range(5)))
        await until(lambda: not daemon.registry.sessions, "the end of the sessions")
        await until(lambda: not workers(zygote_pid()), "the workers' end")
        gc.collect()
        return [memory_of(pid) for pid in ("self", zygote_pid())]

    memory = await connect_many(5)
    files = counts()
    for _ in range(ROUNDS):
        before = memory
        memory = await connect_many(15)
        await until(lambda: all(map(le, counts(), files)), "closed files")
        growth = [later - earlier for earlier, later in zip(before, memory, strict=True)]
        if max(growth) < GROWTH_MAX:
            break
    else:
        pytest.fail(f"memory grows in every round, last by {growth} bytes")


def memory_of(pid: int | str) -> int:
    """The bytes of a process in memory, without those of files on disk."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return sum(int(sizes[name].split()[0]) << 10 for name in ("RssAnon", "RssShmem"))


def counts() -> tuple[int, int]:
    """How many files this process and the zygote have open."""
    daemon, parent = (
        len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ("self", zygote_pid())
    )
    return daemon, parent


# ---- the channel


@asynccontextmanager
async def engine(received: list[Message]) -> AsyncIterator[tuple[Engine, socket.socket]]:
    """The daemon's side of a worker, which is a socket here."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    made = Engine(received.append, launcher)
    await asyncio.get_running_loop().create_unix_connection(lambda: made, sock=ours)
    with theirs:
        yield made, theirs
        await made.close()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        HEADER.pack(0, CursorDefault.TYPE),
        HEADER.pack(1, 255),
        HEADER.pack(1 << 31, Painted.TYPE),
        HEADER.pack(9, Painted.TYPE) + struct.pack("<II", 1, 1 << 30),
    ],
)
async def test_garbage(data: bytes) -> None:
    received: list[Message] = []
    async with engine(received) as (made, worker):
        worker.send(CursorDefault().encode() + data)
        with pytest.raises(EngineError):
            await asyncio.wait_for(asyncio.shield(made.lost), 5)
    assert received == [CursorDefault()]


@pytest.mark.holds_loop("it moves the mouse 200,000 times")
async def test_releases_are_not_lost_to_a_worker_that_does_not_read() -> None:
    async with engine([]) as (made, _):
        for at in range(200_000):
            made.post(Mouse(False, 0x0800, at & 0xFFFF, 0))
        before = made.posted
        made.post(Scancode(0x1D, False, True))
        made.post(Mouse(False, 0x9000, 5, 5))
        made.post(Mouse(True, 0x8001, 5, 5))
        assert made.posted == before
        releases = [
            Scancode(0x1D, False, False),
            UnicodeKey(0x41, False),
            Mouse(False, 0x1000, 5, 5),
            Mouse(True, 0x0001, 5, 5),
        ]
        for message in releases:
            made.post(message)
        assert made.posted == before + len(releases)
        for _ in range(200_000):
            made.post(releases[0])
        assert made.unsent < UNSENT_MAX * 2 + 100


async def test_a_worker_that_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended before its messages and the answers to them fill the daemon's memory."""
    monkeypatch.setattr(rdp_engine, "LEFT_MAX", 1 << 20)
    async with engine([]) as (made, _):
        for _ in range(100):
            made.send([PipeGiven("cliprdr", bytes(PART_MAX), last=True)])
            assert made.unsent <= 1 << 20
        with pytest.raises(EngineError, match="does not read"):
            await asyncio.wait_for(asyncio.shield(made.lost), 5)


async def test_messages_of_a_worker_that_is_being_ended() -> None:
    received: list[Message] = []
    async with engine(received) as (made, worker):
        closing = asyncio.create_task(made.close())
        await until(lambda: made.unsent == 0, "the stop")
        worker.send(CursorDefault().encode())
        worker.shutdown(socket.SHUT_WR)
        await closing
    assert received == []


async def test_a_flood_leaves_others_most_of_the_time() -> None:
    """What fits into the buffers at once is handled in parts."""
    received: list[Message] = []
    loop = asyncio.get_running_loop()
    async with engine(received) as (_, worker):
        message, many = CursorDefault().encode(), 100_000
        flood = asyncio.create_task(loop.sock_sendall(worker, message * many))
        longest, handled = 0, 0
        while len(received) < many:
            await asyncio.sleep(0)
            longest, handled = max(longest, len(received) - handled), len(received)
        await flood
    assert longest < many / 10
