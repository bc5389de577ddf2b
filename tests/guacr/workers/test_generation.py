"""Generations, with a zygote whose workers are only sockets."""

from __future__ import annotations

import asyncio
import socket
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
from guacr.workers.generation import Generation
from guacr.workers.operations import FAILED, READY
from guacr.workers.remote import Observer, RemoteWorker
from guacr.workers.wire import Message, packets
from tests.support.waiting import until


class Zygote:
    """Forks nothing: the tests are the workers."""

    is_alive = True
    made: list[Zygote]

    def __init__(self, boot: Boot, on_forked: Any) -> None:
        self.workers: list[socket.socket] = []
        self.firsts: list[bool] = []
        self.made.append(self)

    async def started(self) -> None:
        """It can fork at once."""

    def fork(self, number: int, sock: socket.socket, *, is_first: bool) -> None:
        self.workers.append(sock)
        self.firsts.append(is_first)

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
    made = Generation(boot, count(1).__next__, Noted())
    yield made
    made.kill()


def say(sock: socket.socket, op: str, **fields: str) -> None:
    sock.sendall(packets(op, fields)[0])


async def started(generation: Generation, zygotes: list[Zygote]) -> Zygote:
    starting = asyncio.create_task(generation.start())
    await until(lambda: zygotes and len(zygotes[0].workers) == 2, "two workers")
    for sock in zygotes[0].workers:
        say(sock, READY)
    await starting
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
