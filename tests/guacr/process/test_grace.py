"""A daemon that is told to stop, and whose sessions may go on for a while."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import sleep
from unittest.mock import AsyncMock

import pytest

from guacr.control.local import LocalControl
from guacr.process import grace
from guacr.process.grace import ANNOUNCED, outlast_sessions
from guacr.protocol.status import Status
from guacr.testing.client import Behaviour, GuacClient, Hello
from tests.guacr.process.test_run import SERVE, line, serving
from tests.support.clock import FrozenClock
from tests.support.loopback import Bench, frame, sketch

GRACE = "GUACR_SERVER__GRACE_PERIOD"
LATE = 40.0


# ---- what sessions notice


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


async def test_users_are_told_at_once_and_before_the_end(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    said: list[str] = []
    control = LocalControl(bench.registry)
    announce = control.announce

    async def listening(text: str, seconds: float) -> None:
        said.append(text)
        await announce(text, seconds)

    monkeypatch.setattr(control, "announce", listening)
    transport, user = bench.connect()
    transport.replies = True
    await frame(transport, 1)
    plain = sketch(user).surface.array[..., 2::-1].copy()

    async def announced(is_shown: bool) -> None:
        async with asyncio.timeout(LATE):
            while bool((transport.canvas.flatten() != plain).any()) is not is_shown:
                await clock.pass_by(0.002)
                await asyncio.to_thread(sleep, 0.002)  # for the thread that draws

    stopping = asyncio.create_task(outlast_sessions(control, 120, 30))
    await announced(True)
    await clock.run_for(ANNOUNCED)
    await announced(False)
    await clock.run_for(120 - 30 - ANNOUNCED)
    await announced(True)
    await clock.run_for(29)
    assert not stopping.done()
    assert not transport.all("error")
    await clock.run_for(2)
    await stopping
    first, second = said
    assert "this session ends in 2 minutes" in first
    assert "this session ends in 30 seconds" in second
    await bench.close()


@pytest.mark.parametrize(
    ("warning", "times"), [(60, ["40 seconds", "20 seconds"]), (0, ["40 seconds"])]
)
async def test_the_second_announcement(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, warning: float, times: list[str]
) -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    announce = AsyncMock()
    monkeypatch.setattr(control, "announce", announce)
    transport, _ = bench.connect()
    transport.replies = True
    await frame(transport, 1)
    stopping = asyncio.create_task(outlast_sessions(control, 40, warning))
    await clock.run_for(41)
    await stopping
    said = [call.args[0] for call in announce.call_args_list]
    assert said == [grace.SENTENCE.format(time) for time in times]
    await bench.close()


async def test_it_ends_with_the_last_session(clock: FrozenClock) -> None:
    bench = Bench()
    transport, _ = bench.connect()
    transport.replies = True
    await frame(transport, 1)
    stopping = asyncio.create_task(outlast_sessions(LocalControl(bench.registry), 3600, 60))
    await clock.run_for(10)
    assert not stopping.done()
    transport.send("disconnect")
    async with asyncio.timeout(LATE):
        while not stopping.done():
            await clock.run_for(grace.LOOK)
    await bench.close()


# ---- the process


@asynccontextmanager
async def session(process: subprocess.Popen[str]) -> AsyncIterator[tuple[GuacClient, int]]:
    """A session of the daemon, and its port."""
    port = int(line(process, r"listening on 127.0.0.1:(\d+)$").group(1))
    line(process, r"listening for WebSocket on")
    async with await GuacClient.dial("127.0.0.1", port, Behaviour(paint=False)) as client:
        await client.handshake("testcard", {}, Hello(width=320, height=240))
        await client.frame()
        yield client, port


async def refusal(port: int) -> tuple[str, int]:
    async with await GuacClient.dial("127.0.0.1", port) as client:
        client.send("select", "testcard")
        await client.wait(lambda: bool(client.state.errors or client.state.args), "an answer")
        if client.state.args:
            client.answer_args({}, Hello(width=320, height=240))
        await client.wait(lambda: client.state.errors, "an error")
        return client.state.errors[0]


def undo(control: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "guacr", "drain", "--undo", "--socket", control]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_sessions_go_on_and_none_is_opened(workers: str, tmp_path: Path) -> None:
    control = str(tmp_path / "control")
    more = {"GUACR_DAEMON__WORKERS": workers, "GUACR_CONTROL__UNIX_SOCKET": control}
    with serving(*SERVE, **more, **{GRACE: "3600"}) as process:
        async with session(process) as (client, port):
            process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(line, process, r"draining: the sessions \(1\) may go on for up")
            sentence, status = await refusal(port)
            assert "no new sessions are opened here" in sentence
            assert status == Status.UPSTREAM_UNAVAILABLE
            undone = await asyncio.to_thread(undo, control)
            assert "the daemon is stopping: it opens no more sessions" in undone.stderr
            async with await GuacClient.dial("127.0.0.1", port, Behaviour(paint=False)) as joiner:
                await joiner.handshake(client.state.ready, {}, Hello(width=320, height=240))
                await joiner.frame()
            await client.frame()
            assert not client.state.errors
        assert await asyncio.to_thread(process.wait, LATE) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_the_period_ends(workers: str) -> None:
    with serving(*SERVE, GUACR_DAEMON__WORKERS=workers, **{GRACE: "1"}) as process:
        async with session(process) as (client, _):
            process.send_signal(signal.SIGTERM)
            await client.wait(lambda: client.state.errors, "the end")
            assert "shutting down" in client.state.errors[0][0]
        assert await asyncio.to_thread(process.wait, LATE) == 0


@pytest.mark.parametrize(
    "numbers", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGTERM, signal.SIGINT], [signal.SIGINT]]
)
async def test_another_signal_ends_it_at_once(numbers: list[signal.Signals]) -> None:
    with serving(*SERVE, **{GRACE: "3600"}) as process:
        async with session(process) as (client, _):
            for number in numbers[:-1]:
                process.send_signal(number)
                await asyncio.to_thread(line, process, "draining")
            process.send_signal(numbers[-1])
            await client.wait(lambda: client.state.errors, "the end")
        assert await asyncio.to_thread(process.wait, LATE) == 0


async def test_systemd_is_asked_for_the_time(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(LATE)
        with serving(*SERVE, NOTIFY_SOCKET=path, **{GRACE: "100"}) as process:
            async with session(process):
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(listener.recv, 100) == b"READY=1"
                told = await asyncio.to_thread(listener.recv, 100)
                assert told == b"EXTEND_TIMEOUT_USEC=160000000"
            assert await asyncio.to_thread(listener.recv, 100) == b"STOPPING=1"
            assert await asyncio.to_thread(process.wait, LATE) == 0


async def test_nobody_is_waited_for_without_sessions() -> None:
    with serving(*SERVE, **{GRACE: "3600"}) as process:
        line(process, r"listening for WebSocket on")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, LATE) == 0
