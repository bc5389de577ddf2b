"""The writer: what it reports as durable is there, and failures are loud."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from guacr.journal import writer as module
from guacr.journal.errors import FormatError, OverflowedError, WriteError
from guacr.journal.records import PAYLOAD_MAX, Description, Record, scan
from guacr.journal.writer import Limits, LogStream, Writer

AUDIT = Description("audit", {})


class Bench:
    """A writer in a directory, and what it reports."""

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        self.directory = directory
        self.finished: list[Path] = []
        self.outcomes: Queue[WriteError | None] = Queue()
        self.writer = Writer(directory, limits or Limits(), self.finished.append)

    def append(self, stream: LogStream, payload: bytes, *, urgent: bool = True) -> None:
        self.writer.append(stream, payload, on_durable=self.outcomes.put, urgent=urgent)

    def wait(self) -> WriteError | None:
        return self.outcomes.get(timeout=20)

    def records(self) -> list[Record]:
        """Every record on the disk, in order."""
        paths = sorted(self.directory.glob("*.wal"))
        return [record for path in paths for _, record in scan(path.read_bytes())]

    def payloads(self) -> list[bytes]:
        return [record.payload for record in self.records() if record.sequence]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.writer.close()


def test_durable_records_are_in_the_file(bench: Bench) -> None:
    stream = bench.writer.open_stream(AUDIT)
    for text in (b"one", b"two", b""):
        bench.append(stream, text)
        assert bench.wait() is None
        assert bench.payloads()[-1] == text
    first, *others = bench.records()
    assert (first.sequence, Description.decode(first.payload)) == (0, AUDIT)
    assert [record.sequence for record in others] == [1, 2, 3]
    assert abs(others[0].time - time.time_ns()) < 60e9


def test_records_that_wait_for_a_synchronisation_share_the_next_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, count = threading.Event(), threading.Event(), list[int]()

    def slow(descriptor: int) -> None:
        count.append(descriptor)
        began.set()
        assert go_on.wait(20)

    monkeypatch.setattr(module, "_sync", slow)
    stream = bench.writer.open_stream(AUDIT)
    bench.append(stream, b"first")
    assert began.wait(20)
    for number in range(500):
        bench.append(stream, b"%d" % number)
    assert bench.outcomes.empty()
    go_on.set()
    assert [bench.wait() for _ in range(501)] == [None] * 501
    assert len(count) == 2


def test_records_that_are_not_urgent_are_synchronised_within_the_interval(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits(sync_interval=0.2))
    begin = time.monotonic()
    bench.append(bench.writer.open_stream(AUDIT), b"x", urgent=False)
    assert bench.wait() is None
    assert time.monotonic() - begin >= 0.2
    bench.writer.close()


def test_files_end_with_their_size_and_describe_their_streams(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits(size=1_000_000))
    one, other = bench.writer.open_stream(AUDIT), bench.writer.open_stream(Description("b", {}))
    for number in range(40):
        bench.append(one, bytes([number]) * 100_000, urgent=False)
        bench.append(other, bytes([number]), urgent=False)
    bench.writer.close()
    assert [bench.wait() for _ in range(80)] == [None] * 80
    assert len(bench.finished) > 2
    assert bench.finished == sorted(tmp_path.glob("*.wal"))
    for path in bench.finished:
        described = set[int]()
        for _, record in scan(path.read_bytes()):
            if record.sequence == 0:
                described.add(record.stream)
            assert record.stream in described
    assert bench.payloads()[::2] == [bytes([number]) * 100_000 for number in range(40)]


def test_files_end_with_their_age(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Limits(seconds=0.1))
    stream = bench.writer.open_stream(AUDIT)
    for count in (1, 2):
        bench.append(stream, b"x")
        bench.wait()
        deadline = time.monotonic() + 20
        while len(bench.finished) < count:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    bench.writer.close()
    assert len(bench.finished) == len(set(bench.finished)) == 2


def test_short_writes_are_continued(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.writev

    def short(descriptor: int, buffers: list[bytes]) -> int:
        return real(descriptor, [b"".join(buffers)[:37]])

    monkeypatch.setattr(os, "writev", short)
    stream = bench.writer.open_stream(AUDIT)
    texts = [b"a" * 100, b"", b"b" * 36, b"c" * 37]
    for text in texts:
        bench.append(stream, text)
    assert [bench.wait() for _ in texts] == [None] * 4
    assert bench.payloads() == texts


def test_a_failed_synchronisation_is_not_repeated_on_the_same_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    synced = list[str]()

    def failing(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        if len(synced) == 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module, "_sync", failing)
    monkeypatch.setattr(module, "RETRY", 0.05)
    stream = bench.writer.open_stream(AUDIT)
    bench.append(stream, b"lost")
    error = bench.wait()
    assert isinstance(error, WriteError)
    assert "Input/output error" in str(error)
    assert "Input/output error" in caplog.text
    with pytest.raises(WriteError, match="Input/output error"):
        bench.append(stream, b"of a stream with a gap")
    with pytest.raises(WriteError):
        bench.writer.open_stream(AUDIT)
    time.sleep(0.06)
    with pytest.raises(WriteError):
        bench.append(stream, b"of a stream with a gap")
    bench.append(bench.writer.open_stream(AUDIT), b"again")
    assert bench.wait() is None
    assert len(set(synced)) == 2
    assert bench.finished == [bench.directory / "00000001.wal"]


def test_a_full_disk_fails_every_record_that_waits_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Event(), threading.Event()

    def full(descriptor: int, buffers: list[bytes]) -> int:
        began.set()
        assert go_on.wait(20)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "writev", full)
    stream = bench.writer.open_stream(AUDIT)
    bench.append(stream, b"first")
    assert began.wait(20)
    for _ in range(3):
        bench.append(stream, b"x")
    go_on.set()
    errors = [bench.wait() for _ in range(4)]
    assert all("No space left on device: free space" in str(error) for error in errors)
    bench.writer.close()
    assert bench.outcomes.empty()


def test_what_was_durable_before_a_failure_is_reported_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, Limits(size=1))
    real, count = os.open, list[str]()

    def failing(path: object, flags: int, mode: int = 0o777) -> int:
        if str(path).endswith("2.wal"):
            raise OSError(errno.ENOSPC, "No space left on device")
        count.append(str(path))
        return real(str(path), flags, mode)

    monkeypatch.setattr(os, "open", failing)
    monkeypatch.setattr(module, "SLICE_MAX", 1)
    stream = bench.writer.open_stream(AUDIT)
    with bench.writer._changed:
        bench.append(stream, b"durable")
        bench.append(stream, b"lost")
    assert bench.wait() is None
    assert isinstance(bench.wait(), WriteError)
    bench.writer.close()
    assert bench.outcomes.empty()


def test_the_queue_is_bounded_with_a_reserve(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(module, "_sync", lambda descriptor: go_on.wait(20))
    monkeypatch.setattr(module, "QUEUE_MAX", 10_000)
    monkeypatch.setattr(module, "RESERVE", 1000)
    stream = bench.writer.open_stream(AUDIT)
    bench.append(stream, bytes(10_000 - 32))
    with pytest.raises(OverflowedError, match="too slow"):
        bench.append(stream, b"")
    bench.writer.append(stream, bytes(1000 - 32), reserved=True)
    with pytest.raises(OverflowedError):
        bench.writer.append(stream, b"", reserved=True)
    go_on.set()
    assert bench.wait() is None


def test_long_records_and_a_closed_writer_are_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    stream = bench.writer.open_stream(AUDIT)
    with pytest.raises(FormatError):
        bench.writer.append(stream, bytes(PAYLOAD_MAX + 1))
    assert bench.writer.close()
    with pytest.raises(WriteError, match="closed"):
        bench.append(stream, b"x")
    assert bench.finished == []


def test_a_deleted_file_is_a_failure(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.0)
    stream = bench.writer.open_stream(AUDIT)
    bench.append(stream, b"one")
    assert bench.wait() is None
    next(bench.directory.glob("*.wal")).unlink()
    bench.append(stream, b"two")
    assert "has been deleted: another one is begun within" in str(bench.wait())
    bench.append(bench.writer.open_stream(AUDIT), b"two, again")
    assert bench.wait() is None
    assert bench.payloads() == [b"two, again"]
    assert bench.writer.failures == 1
