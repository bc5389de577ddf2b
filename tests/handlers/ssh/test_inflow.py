"""Floods of a host: nothing of it holds up the event loop, and little of it waits in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import String

from guacr.daemon import Daemon
from guacr.turns import TURN
from handlers.ssh import inflow
from handlers.ssh.inflow import ANSWERS_MAX, PORTION, WAITING_MAX, Inflow
from tests.handlers.ssh.test_connecting import failure
from tests.support.scripted_host import saying, scripted_host
from tests.support.ssh_desk import desk
from tests.support.ssh_device import Process, device
from tests.support.waiting import until


class _Reader(asyncio.Protocol):
    """The part of an asyncssh connection that `Inflow` needs; while busy, it keeps the data."""

    def __init__(self) -> None:
        self._transport: object = object()
        self.portions: list[bytes] = []
        self.lost = False
        self.set_busy(False)

    def set_busy(self, busy: bool) -> None:
        self._recv_handler: Callable[[], object] = (lambda: False) if busy else self._read

    def _read(self) -> bool:
        return True

    def _finish_recv_packet(self) -> None:
        self.set_busy(False)

    def data_received(self, data: bytes) -> None:
        self.portions.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class _Way(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.reading = True
        self.high: int | None = 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def _parts() -> tuple[_Reader, _Way, Inflow]:
    reader, way = _Reader(), _Way()
    between = Inflow(reader, bytearray(), 10, lambda: None)
    between.connection_made(way)
    return reader, way, between


async def test_much_is_handed_out_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr(inflow, "perf_counter", lambda: next(times) * TURN * 0.6)
    reader, _, between = _parts()
    data = bytes(range(256)) * (4 * PORTION // 256)
    between.data_received(data)
    between.connection_lost(None)
    assert len(reader.portions) == 1
    assert not reader.lost
    await until(lambda: reader.lost, "the end")
    assert [len(portion) for portion in reader.portions] == [PORTION] * 4
    assert b"".join(reader.portions) == data


async def test_a_host_is_held_up_while_a_packet_is_worked_out() -> None:
    reader, way, between = _parts()
    reader.set_busy(True)
    between.data_received(bytes(WAITING_MAX + 1))
    await until(lambda: not way.reading, "a host that is held up")
    assert not reader.portions
    vars(reader)["_finish_recv_packet"]()
    await until(lambda: way.reading, "resumed reading")
    assert len(b"".join(reader.portions)) == WAITING_MAX + 1


async def test_an_end_is_heard_of_while_a_packet_is_worked_out() -> None:
    reader, _, between = _parts()
    reader.set_busy(True)
    between.data_received(b"x")
    between.connection_lost(None)
    await until(lambda: reader.lost, "the end")


async def test_a_host_that_takes_no_answers_is_not_read() -> None:
    reader, way, between = _parts()
    assert way.high == ANSWERS_MAX
    between.pause_writing()
    between.data_received(b"question")
    assert not reader.portions
    between.resume_writing()
    await until(lambda: reader.portions == [b"question"], "the pending data")


async def test_nothing_is_handed_to_a_connection_that_has_closed() -> None:
    reader, _, between = _parts()
    reader._transport = None
    between.data_received(b"x")
    assert not reader.portions


async def test_a_flood_behind_a_question_is_read_after_the_answer(daemon: Daemon) -> None:
    class Flooding(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn

        def begin_auth(self, username: str) -> bool:
            return True

        def kbdint_auth_supported(self) -> bool:
            return True

        def get_kbdint_challenge(self, *_: str) -> tuple[str, str, str, list[tuple[str, bool]]]:
            asyncio.get_running_loop().call_soon(self._flood)
            return "", "", "", [("Code: ", True)]

        def _flood(self) -> None:
            for _ in range(100):
                self._connection.send_packet(MSG_IGNORE, String(bytes(30_000)))

        def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
            return list(responses) == ["42"]

    async def greet(process: Process, connection: Any) -> None:
        process.stdout.write("welcome")
        await process.stdin.read(1)

    async with (
        device(greet, server_factory=Flooding) as address,
        desk(daemon, address) as person,
    ):
        await person.see("Code:")
        person.client.type("42\n")
        await person.see("welcome")


async def test_a_version_that_is_not_ascii_is_one_of_ssh(daemon: Daemon) -> None:
    async with scripted_host(saying("SSH-2.0-Schön\r\n".encode("latin-1"), closing=True)) as host:
        sentence, _ = await failure(daemon, host)
    assert "is not an SSH server" not in sentence


async def test_a_host_whose_version_is_not_ascii_lets_in(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(connection: Any) -> None:
        connection._server_version = "SSH-2.0-Schön".encode("latin-1")
        connection._send(connection._server_version + b"\r\n")

    monkeypatch.setattr(asyncssh.SSHServerConnection, "_send_version", version)

    async def greet(process: Process, connection: Any) -> None:
        process.stdout.write("welcome")
        await process.stdin.read(1)

    async with device(greet) as address, desk(daemon, address) as person:
        await person.see("welcome")
