"""Acknowledgements of what a user sends, and uploads that fail or are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from guacr.budget import Budget
from guacr.errors import ForbiddenError, GuacrError
from guacr.protocol.status import Status
from guacr.session.streams.upload import AHEAD_MAX, PIECE_MAX, UNREAD_MAX
from guacr.session.user import User
from tests.guacr.session.streams.desk import Desk
from tests.support.loopback import Bench, SketchHandler, until

BLOB = b"x" * 6000
OPENING = 1
"""The acknowledgement of an opening."""
CANCEL = int(Status.CLIENT_FORBIDDEN)
"""Any status of an error: the daemon answers with its own."""


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


class Reader:
    """A consumer that reads when the test says so."""

    def __init__(self, desk: Desk) -> None:
        self.pieces: list[bytes] = []
        self.may_read = asyncio.Semaphore(0)
        self.error: GuacrError | None = None
        self.desk = desk
        self.desk.drive.write = self.write  # type: ignore[method-assign]
        desk.transport.send("put", 0, 3, "text/plain", "/a")

    async def write(
        self, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        await self.may_read.acquire()
        async for piece in data:
            self.pieces.append(piece)
            await self.may_read.acquire()
        if self.error is not None:
            raise self.error

    async def read(self, pieces: int) -> None:
        """Let it read so many pieces more."""
        wanted = len(self.pieces) + pieces
        for _ in range(pieces):
            self.may_read.release()
        await until(lambda: len(self.pieces) >= wanted)


async def test_blobs_are_acknowledged_on_receipt_and_joined(bench: Bench) -> None:
    desk = Desk(bench)
    reader = Reader(desk)
    assert desk.acks(3) == [], "the opening is acknowledged when the file is open"
    reader.may_read.release()
    await until(lambda: len(desk.acks(3)) == OPENING)
    for number in range(1, 6):
        desk.blob(3)
        assert desk.acks(3) == [("OK", "0")] * (OPENING + number)
    await until(lambda: reader.pieces == [BLOB * 5])


async def test_acknowledgements_wait_while_too_much_is_unread(bench: Bench) -> None:
    desk = Desk(bench)
    reader = Reader(desk)
    reader.may_read.release()
    await until(lambda: len(desk.acks(3)) == OPENING)
    desk.blob(3)
    await until(lambda: len(reader.pieces) == 1)
    allowed = UNREAD_MAX // len(BLOB)
    for _ in range(allowed + 10):
        desk.blob(3)
    assert len(desk.acks(3)) == OPENING + 1 + allowed
    await reader.read(1)
    assert len(reader.pieces[1]) == PIECE_MAX // len(BLOB) * len(BLOB)
    reader.may_read.release()
    await until(lambda: len(desk.acks(3)) == OPENING + 1 + allowed + 10)


async def test_unread_bytes_are_within_the_users_memory(bench: Bench) -> None:
    desk = Desk(bench)
    reader = Reader(desk)
    desk.user.memory.limit = 10 * len(BLOB)
    for _ in range(10):
        desk.blob(3)
    assert desk.user.memory.used == 10 * len(BLOB)
    desk.blob(3)
    ((sentence, status),) = desk.acks(3)
    assert "session.max_user_memory" in sentence
    assert status == str(int(Status.CLIENT_OVERRUN))
    await reader.read(1)
    reader.may_read.release()
    await until(lambda: desk.user.memory.used == 0)


async def test_blobs_that_nobody_waits_for_are_bounded(bench: Bench) -> None:
    desk = Desk(bench)
    Reader(desk)
    for _ in range(AHEAD_MAX):
        desk.blob(3, b"x")
    assert desk.acks(3) == []
    desk.blob(3, b"x")
    assert desk.acks(3)[-1][1] == str(int(Status.CLIENT_OVERRUN))


@pytest.mark.parametrize("extended", [False, True])
async def test_the_end_is_acknowledged_for_clients_that_wait(bench: Bench, extended: bool) -> None:
    desk = Desk(bench, extended=extended)
    reader = Reader(desk)
    reader.may_read.release()
    desk.blob(3)
    desk.transport.send("end", 3)
    await until(lambda: len(desk.acks(3)) == OPENING + 1)
    await until(lambda: len(reader.pieces) == 1)
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(desk.acks(3)) == OPENING + 1, "not before all of it is stored"
    reader.may_read.release()
    if extended:
        await until(lambda: desk.acks(3) == [("OK", "0")] * (OPENING + 2))
    else:
        await until(lambda: not desk.user.transfers._under_way)
        assert len(desk.acks(3)) == OPENING + 1


@pytest.mark.parametrize("extended", [False, True])
async def test_a_failure_after_the_end_is_told(
    bench: Bench, extended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[tuple[str, str]] = []

    def note(self: SketchHandler, user: User, name: str, error: GuacrError) -> None:
        lost.append((name, str(error)))

    monkeypatch.setattr(SketchHandler, "upload_lost", note)
    desk = Desk(bench, extended=extended)
    reader = Reader(desk)
    reader.error = ForbiddenError("the disk is full")
    reader.may_read.release()
    desk.blob(3)
    desk.transport.send("end", 3)
    await reader.read(1)
    await until(lambda: not desk.user.transfers._under_way)
    told = [answer for answer in desk.acks(3) if answer[1] != "0"]
    if extended:
        assert told == [("the disk is full", "771")]
        assert lost == []
    else:
        assert told == [], "the client may use this index for another file by now"
        assert lost == [("/a", "the disk is full")]


async def test_an_upload_is_cancelled(bench: Bench) -> None:
    desk = Desk(bench, extended=True)
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    await until(lambda: len(desk.acks(3)) == OPENING)
    desk.blob(3)
    desk.transport.send("end", 3, CANCEL)
    await until(lambda: len(desk.acks(3)) == OPENING + 2)
    assert desk.acks(3)[-1] == ("the user has cancelled the transfer", "518")
    await until(lambda: not desk.user.transfers._under_way)
    assert "/new" not in desk.drive.files
    assert desk.user.memory.used == 0


async def test_other_clients_cannot_cancel(bench: Bench) -> None:
    desk = Desk(bench)
    desk.transport.send("put", 0, 3, "text/plain", "/new")
    desk.blob(3)
    desk.transport.send("end", 3, CANCEL)
    await until(lambda: desk.drive.files.get("/new") == BLOB)


async def test_a_file_that_nobody_reads_to_its_end(bench: Bench) -> None:
    """Its acknowledgements go on, so that the client does not wait for ever."""
    desk = Desk(bench, extended=True)

    async def write(*_: object) -> None:
        """Store nothing."""

    desk.drive.write = write  # type: ignore[method-assign, assignment]
    desk.transport.send("put", 0, 3, "text/plain", "/a")
    await until(lambda: not desk.user.transfers._under_way)
    desk.blob(3)
    assert desk.acks(3) == [("OK", "0")]
    desk.transport.send("end", 3)
    assert desk.acks(3) == [("OK", "0")] * 2
    desk.transport.send("put", 0, 4, "text/plain", "/a")
    await until(lambda: not desk.user.transfers._under_way)
    desk.transport.send("end", 4, CANCEL)
    assert desk.acks(4)[-1][1] == "518"


async def test_the_end_of_other_streams_is_acknowledged_at_once(bench: Bench) -> None:
    desk = Desk(bench, extended=True)
    budget: Budget = desk.user.memory
    for index, opening in enumerate((("file", "a"), ("pipe", "a"))):
        opcode, name = opening

        def accept(stream: object) -> None:
            """Accept it."""

        desk.user.streams.open(opcode, str(index), "text/plain", name, accept)
        desk.transport.send("end", index)
    assert desk.acks(0) == [("OK", "0")]
    assert desk.acks(1) == [], "only files are confirmed"
    desk.user.streams.open("file", "2", "text/plain", "a", accept)
    desk.transport.send("end", 2, CANCEL)
    assert desk.acks(2)[-1][1] == "518"
    assert budget.used == 0


async def test_an_upload_continues_at_an_offset(bench: Bench) -> None:
    desk = Desk(bench, extended=True)
    desk.transport.send("put", 0, 3, "text/plain", "/a.txt", 2)
    desk.blob(3, b"st")
    desk.transport.send("end", 3)
    await until(lambda: desk.drive.files["/a.txt"] == b"test")
    desk.transport.send("put", 0, 4, "text/plain", "/a.txt", -1)
    assert desk.acks(4) == [("an offset is not below 0", "768")]


async def test_other_clients_have_no_offsets(bench: Bench) -> None:
    desk = Desk(bench)
    desk.transport.send("put", 0, 3, "text/plain", "/a.txt", 2)
    desk.blob(3, b"st")
    desk.transport.send("end", 3)
    await until(lambda: desk.drive.files["/a.txt"] == b"st")
