"""Sinks that write to files: order, failures, and the end."""

import asyncio
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest

from guacr.errors import GuacrError, RecordingError
from guacr.recording import file_sink
from guacr.recording.file_sink import FileSink, FileWriter
from guacr.recording.files import Place, open_file
from tests.support.waiting import until


def sink_in(directory: Path) -> FileSink:
    return FileSink(open_file(Place(directory=str(directory), name="recording")), FileWriter())


async def test_everything_is_there_at_the_end(tmp_path: Path) -> None:
    sink = sink_in(tmp_path)
    written = b""
    for number in range(300):
        part = b"%d;" % number * 5000
        sink.write(part)
        written += part
        await asyncio.sleep(0)
    await sink.close()
    await sink.close()
    assert (tmp_path / "recording").read_bytes() == written
    sink.write(b"late")
    assert sink.buffered == 0


async def test_it_is_written_soon_even_without_an_end(tmp_path: Path) -> None:
    sink = sink_in(tmp_path)
    drained: list[bool] = []
    sink.on_drained = lambda: drained.append(True)
    sink.write(b"x")
    assert sink.buffered == 1
    await until(lambda: drained, "the file")
    assert (tmp_path / "recording").read_bytes() == b"x"
    assert sink.buffered == 0
    await sink.close()


class Broken:
    """A file that accepts some parts, and then none."""

    disk = 1

    def __init__(self, accepted: int = 0, *, closes: bool = True) -> None:
        self.accepted = accepted
        self.closes = closes
        self.closed = 0

    def append(self, parts: list[bytes]) -> None:
        if self.accepted < len(parts):
            raise RecordingError("no")
        self.accepted -= len(parts)

    def close(self) -> None:
        self.closed += 1
        if not self.closes:
            raise RecordingError("not durable")


async def test_a_failure_is_reported_once() -> None:
    file = Broken(1)
    sink = FileSink(file, FileWriter())
    errors: list[GuacrError] = []
    sink.on_failed = errors.append
    sink.write(b"x")
    await until(lambda: not sink.buffered, "the first part")
    sink.write(b"y" * file_sink.BATCH_BYTES)
    await until(lambda: errors, "the failure")
    sink.write(b"z" * file_sink.BATCH_BYTES)
    assert sink.buffered == 0
    await sink.close()
    assert len(errors) == 1
    assert file.closed == 1


@pytest.mark.parametrize("in_flight", [False, True])
async def test_a_failure_at_the_end_is_raised(in_flight: bool) -> None:
    file = Broken()
    sink = FileSink(file, FileWriter())
    errors: list[GuacrError] = []
    sink.on_failed = errors.append
    sink.write(b"x" * (file_sink.BATCH_BYTES if in_flight else 1))
    with pytest.raises(RecordingError, match="no"):
        await sink.close()
    assert not errors
    assert file.closed == 1


async def test_a_failure_is_reported_in_the_context_of_its_sink() -> None:
    """The log has the session's id, not that of another one that caused the writing."""
    session, writer = ContextVar[str]("session"), FileWriter()
    seen: list[str] = []
    for name in ("one", "two"):
        session.set(name)
        sink = FileSink(Broken(), writer)
        sink.on_failed = lambda error: seen.append(session.get())
        sink.write(b"x")
    await until(lambda: len(seen) == 2, "both reports")
    assert seen == ["one", "two"]


async def test_what_is_not_durable_is_reported() -> None:
    sink = FileSink(Broken(5, closes=False), FileWriter())
    sink.write(b"x")
    with pytest.raises(RecordingError, match="durable"):
        await sink.close()


async def test_many_sinks_are_written_at_once(tmp_path: Path) -> None:
    writer = FileWriter()
    files = [Broken(1), Broken(), Broken(1)]
    sinks = [FileSink(file, writer) for file in files]
    failed: list[int] = []
    drained: list[int] = []
    for number, sink in enumerate(sinks):
        sink.on_failed = lambda error, number=number: failed.append(number)  # type: ignore[misc]
        sink.on_drained = lambda number=number: drained.append(number)  # type: ignore[misc]
        sink.write(b"x")
    await until(lambda: len(failed) + len(drained) == 3, "all of them")
    assert (failed, drained) == ([1], [0, 2])
    for sink in sinks:
        await sink.close()
    assert [file.closed for file in files] == [1, 1, 1]


class Hanging(Broken):
    """A file whose disk does not answer for a while."""

    disk = 2

    def __init__(self, answers: threading.Event | None = None) -> None:
        super().__init__()
        self.answers = answers or threading.Event()
        self.parts: list[bytes] = []
        self.calls = 0

    def append(self, parts: list[bytes]) -> None:
        self.calls += 1
        assert self.answers.wait(20)
        self.parts += parts


async def test_a_disk_that_hangs_holds_up_no_other() -> None:
    writer, file = FileWriter(), Hanging()
    stuck, other = FileSink(file, writer), FileSink(Broken(9), writer)
    stuck.write(b"x" * file_sink.BATCH_BYTES)
    stuck.write(b"y")
    assert stuck.buffered == file_sink.BATCH_BYTES + 1
    other.write(b"x")
    await until(lambda: not other.buffered, "the other")
    assert stuck.buffered
    file.answers.set()
    await stuck.close()
    await other.close()
    assert file.parts == [b"x" * file_sink.BATCH_BYTES, b"y"]


async def test_the_end_waits_for_what_is_being_written() -> None:
    file = Hanging()
    sink = FileSink(file, FileWriter())
    sink.write(b"x" * file_sink.BATCH_BYTES)
    sink.write(b"y")
    closing = asyncio.create_task(sink.close())
    other = FileSink(Broken(9), FileWriter())
    other.write(b"x" * file_sink.BATCH_BYTES)
    await until(lambda: not other.buffered, "another thread")
    assert (file.calls, file.closed) == (1, 0)
    file.answers.set()
    await closing
    assert file.parts == [b"x" * file_sink.BATCH_BYTES, b"y"]
    assert file.closed == 1
    await other.close()


async def test_many_recordings_on_a_disk_that_hangs() -> None:
    writer = FileWriter()
    answers = threading.Event()
    files = [Hanging(answers) for _ in range(20)]
    stuck = [FileSink(file, writer) for file in files]
    other = FileSink(Broken(9), writer)
    for _ in range(2):
        for sink in (*stuck, other):  # in the same batch, and while the disk hangs
            sink.write(b"x" * 100)
        await until(lambda: not other.buffered, "the other")
    assert all(sink.buffered == 200 for sink in stuck)
    closing = [asyncio.create_task(sink.close()) for sink in stuck]
    await other.close()
    answers.set()
    await asyncio.gather(*closing)
    assert not writer._disks


@pytest.mark.parametrize("ends", [False, True])
async def test_a_disk_that_does_not_answer_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    writer, file = FileWriter(), Hanging()
    monkeypatch.setattr(file_sink, "STALL_MAX", 0.05)
    sink = FileSink(file, writer)
    errors: list[GuacrError] = []
    sink.on_failed = errors.append
    sink.write(b"x" * file_sink.BATCH_BYTES)
    if ends:
        with pytest.raises(RecordingError, match="does not answer"):
            await sink.close()
    else:
        await until(lambda: errors, "the failure")
        assert sink.buffered == file_sink.BATCH_BYTES, "it is still in memory"
        await sink.close()
    file.answers.set()
    await until(lambda: file.closed, "the file is closed")
    await until(lambda: not writer._disks, "the end")
    assert len(errors) == (not ends)
