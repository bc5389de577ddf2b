"""Generations, with a zygote whose workers are only sockets."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from typing_extensions import override

from guacr.access.keys import ProcessKeys
from guacr.errors import SettingsError
from guacr.settings.models import Settings
from guacr.workers import generation as generation_module
from guacr.workers.boot import Boot
from guacr.workers.channel import socket_pair
from guacr.workers.generation import Generation
from guacr.workers.operations import FAILED, READY
from guacr.workers.remote import Observer, RemoteWorker
from guacr.workers.wire import Message, packets
from tests.support.waiting import until


class Zygote:
    """Forks nothing: the tests are the workers."""

    made: list[Zygote]

    def __init__(self, boot: Boot, on_forked: Any) -> None:
        self.is_alive = True
        self.pid = 0
        """The process of the workers that it forks."""
        self._on_forked = on_forked
        self.workers: list[socket.socket] = []
        self.firsts: list[bool] = []
        self.made.append(self)

    async def started(self) -> None:
        """It can fork at once."""

    def fork(self, number: int, sock: socket.socket, *, is_first: bool) -> None:
        self.workers.append(sock)
        self.firsts.append(is_first)
        if self.pid:
            self._on_forked(number, self.pid, None)

    async def death(self) -> str:
        return "" if self.is_alive else "the zygote was killed"

    def kill(self) -> None:
        self.is_alive = False
        self.close()

    def close(self) -> None:
        for sock in self.workers:
            sock.close()


class Noted(Observer):
    """Notes what happens."""

    def __init__(self) -> None:
        self.ready: list[int] = []
        self.ended: list[int] = []

    @override
    def became_ready(self, worker: RemoteWorker) -> None:
        self.ready.append(worker.number)

    @override
    def gone(self, worker: RemoteWorker) -> None:
        self.ended.append(worker.number)

    @override
    def move(self, worker: RemoteWorker, message: Message) -> None:
        """There are no clients."""

    @override
    def event(self, event: dict[str, Any]) -> None:
        """There are no events."""


@pytest.fixture
def zygotes(monkeypatch: pytest.MonkeyPatch) -> list[Zygote]:
    Zygote.made = []
    monkeypatch.setattr(generation_module, "ZygoteProcess", Zygote)
    return Zygote.made


@pytest.fixture
async def generation(zygotes: list[Zygote]) -> Iterator[Generation]:  # type: ignore[misc]
    boot = Boot(Settings(), ProcessKeys.generate(), 2)
    made = Generation(boot, count(1).__next__, Noted(), number=3)
    yield made
    made.kill()


def say(sock: socket.socket, op: str, **fields: str) -> None:
    sock.sendall(packets(op, fields)[0])


async def started(generation: Generation, zygotes: list[Zygote]) -> Zygote:
    starting = asyncio.create_task(generation.start())
    await until(lambda: zygotes and len(zygotes[0].workers) == 2, "two workers")
    assert generation.progress == "starting 2 workers of generation 3"
    say(zygotes[0].workers[0], READY)
    await until(lambda: generation.progress.endswith(" (1 ready)"), "one is ready")
    say(zygotes[0].workers[1], READY)
    await starting
    assert not generation.progress
    return zygotes[0]


async def test_it_is_started_when_all_workers_are_ready(
    generation: Generation, zygotes: list[Zygote]
) -> None:
    zygote = await started(generation, zygotes)
    assert isinstance(generation._observer, Noted)
    assert generation._observer.ready == [1, 2]
    assert zygote.firsts == [True, False], "one of them checks the settings"


async def test_a_worker_that_cannot_start_says_why(
    generation: Generation, zygotes: list[Zygote]
) -> None:
    starting = asyncio.create_task(generation.start())
    await until(lambda: zygotes and len(zygotes[0].workers) == 2, "two workers")
    one, other = zygotes[0].workers
    say(one, READY)
    say(other, FAILED, reason="there is no disk")
    other.close()
    with pytest.raises(SettingsError, match="there is no disk"):
        await starting
    assert not generation.workers
    assert one.fileno() < 0, "the others are ended"


@pytest.mark.parametrize(
    ("is_alive", "reason"), [(True, "ended while it started"), (False, "the zygote was killed")]
)
async def test_a_worker_that_ends_with_its_zygote(
    generation: Generation, zygotes: list[Zygote], *, is_alive: bool, reason: str
) -> None:
    starting = asyncio.create_task(generation.start())
    await until(lambda: zygotes and len(zygotes[0].workers) == 2, "two workers")
    zygotes[0].is_alive = is_alive
    zygotes[0].workers[1].close()
    with pytest.raises(SettingsError, match=reason):
        await starting


async def test_a_python_that_cannot_be_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    generation = Generation(
        Boot(Settings(), ProcessKeys.generate(), 2), count(1).__next__, Noted(), number=3
    )
    with pytest.raises(SettingsError, match="/nowhere/python3: No such file"):
        await generation.start()


async def test_workers_that_die_again_and_again_are_started_after_growing_pauses(
    generation: Generation, zygotes: list[Zygote], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    start_another = Generation._start_another

    async def noted(self: Generation, pause: float) -> None:
        pauses.append(pause)
        await start_another(self, 0.0)

    monkeypatch.setattr(Generation, "_start_another", noted)
    zygote = await started(generation, zygotes)
    for number in range(12):
        zygote.workers[-1].close()
        await until(lambda number=number: len(zygote.workers) == number + 3, "another worker")  # type: ignore[misc]
    assert pauses == pytest.approx([min(30, 0.1 * 2**n) for n in range(12)])
    assert not any(zygote.firsts[2:])
    monkeypatch.setattr(generation_module, "EARLY", 0.0)
    zygote.workers[0].close()
    await until(lambda: len(zygote.workers) == 15, "another worker")
    assert pauses[12:] == [0.0], "it has lived for some time"


async def test_a_zygote_that_has_died_is_started_again(
    generation: Generation, zygotes: list[Zygote]
) -> None:
    zygote = await started(generation, zygotes)
    zygote.is_alive = False
    zygote.workers.pop().close()
    await until(lambda: len(zygotes) == 2, "another zygote")
    await until(lambda: len(zygotes[1].workers) == 1, "another worker")


async def test_a_replacement_that_hangs_before_it_is_ready_is_killed_and_replaced(
    generation: Generation,
    zygotes: list[Zygote],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    zygote = await started(generation, zygotes)
    assert not generation._deadlines, "those that are ready are left alone"
    hanging = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=-1)
    monkeypatch.setattr(generation_module, "START_TIMEOUT", 0.05)
    monkeypatch.setattr(generation_module, "EARLY", 0.0)
    zygote.pid = hanging.pid
    zygote.workers[1].close()
    await until(lambda: len(zygote.workers) == 3, "a replacement")
    monkeypatch.setattr(generation_module, "START_TIMEOUT", 60.0)
    assert await asyncio.wait_for(hanging.wait(), 10) == -signal.SIGKILL
    await until(lambda: len(zygote.workers) == 4, "another replacement")
    say(zygote.workers[3], READY)
    await until(lambda: not generation._deadlines, "it is ready")
    assert sorted(generation.workers) == [1, 4]
    assert generation._failures == 1, "the next one waits for longer"
    assert f"worker 3 (process {hanging.pid}) cannot start: a worker was not ready" in caplog.text
    assert len(zygotes) == 1
    assert zygote.is_alive


async def test_a_zygote_that_hangs_is_killed_and_started_again(
    generation: Generation,
    zygotes: list[Zygote],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    zygote = await started(generation, zygotes)
    monkeypatch.setattr(generation_module, "START_TIMEOUT", 0.05)
    zygote.workers[1].close()
    await until(lambda: len(zygote.workers) == 3, "a request for a replacement")
    monkeypatch.setattr(generation_module, "START_TIMEOUT", 60.0)
    await until(lambda: len(zygotes) == 2, "another zygote")
    await until(lambda: len(zygotes[1].workers) == 1, "a replacement")
    assert not zygote.is_alive
    assert zygotes[1].is_alive
    assert "the zygote of the workers hangs" in caplog.text


async def test_a_replacement_is_tried_again_when_there_are_no_more_descriptors(
    generation: Generation, zygotes: list[Zygote], monkeypatch: pytest.MonkeyPatch
) -> None:
    zygote = await started(generation, zygotes)
    errors = [OSError(errno.EMFILE, "Too many open files")]

    def full_once() -> tuple[socket.socket, socket.socket]:
        if errors:
            raise errors.pop()
        return socket_pair()

    monkeypatch.setattr(generation_module, "socket_pair", full_once)
    zygote.workers[1].close()
    await until(lambda: len(zygote.workers) == 3, "a replacement")
    assert not errors


async def test_the_descriptor_of_a_worker_that_has_ended_already_is_closed(
    generation: Generation,
) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    generation._forked(1, 2, theirs)
    with os.fdopen(ours, "rb") as pipe:
        assert pipe.read() == b"", "its other end is closed"


async def test_workers_that_hang_at_the_first_start_are_an_error(
    generation: Generation, zygotes: list[Zygote], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation_module, "START_TIMEOUT", 0.05)
    with pytest.raises(SettingsError, match="a worker was not ready within"):
        await generation.start()
    assert not generation.workers
    assert not generation._deadlines


async def test_workers_of_an_old_generation_are_not_replaced(
    generation: Generation, zygotes: list[Zygote]
) -> None:
    zygote = await started(generation, zygotes)
    generation.drain()
    for sock in zygote.workers:
        assert b'"drain"' in sock.recv(100)
        sock.close()
    await until(lambda: not generation.workers, "the end of the workers")
    assert len(zygote.workers) == 2


async def test_a_worker_that_has_ended_is_not_reported_again() -> None:
    """The front may kill one that hangs a moment after its channel was closed."""
    ours, theirs = socket_pair()
    noted = Noted()
    worker = RemoteWorker(7, ours, noted)
    theirs.close()
    await until(lambda: noted.ended == [7], "the worker is gone")
    worker.kill()
    assert noted.ended == [7]
