"""The journal: many sessions that append records, and how long these take to be durable.

A delay of each synchronisation stands for slower disks. Latency is from the time at which a record
was due to the report that it is durable, so that a late beginning counts, too.
"""

from __future__ import annotations

import asyncio
import os
import resource
import tempfile
import time
from functools import partial
from pathlib import Path

from guacr.journal import writer
from guacr.journal.encoding import Decoding
from guacr.journal.errors import OverflowedError, WriteError
from guacr.journal.journal import Journal
from guacr.journal.options import RECORDING, Options
from guacr.journal.reading import Cursor
from guacr.journal.segments import group

SESSIONS = 1000
CHUNK = bytes(range(256)) * 32
"""8 KiB."""
SECONDS = 3.0
PROBE = 0.005


class Load:
    """Sessions that append a chunk each, `rate` times a second."""

    def __init__(self, journal: Journal, rate: float) -> None:
        self._journal = journal
        self._rate = rate
        self._loop = asyncio.get_running_loop()
        self.latencies: list[float] = []
        self.lags: list[float] = []
        """By how much timers of the event loop were late."""

    async def run(self) -> None:
        """Append everything, and wait until it is durable."""
        streams = [self._journal.open_stream(RECORDING, {}) for _ in range(SESSIONS)]
        count, watch = int(SESSIONS * self._rate * SECONDS), asyncio.create_task(self._watch())
        begin = self._loop.time() + 0.1
        for number in range(count):
            due = begin + number / (SESSIONS * self._rate)
            late = due - self._loop.time()
            if late > 0:
                await asyncio.sleep(late)
            done = partial(self._done, due)
            stream = streams[number % SESSIONS]
            self._journal.append(stream, CHUNK, on_durable=done, urgent=True)
        while len(self.latencies) < count:  # noqa: ASYNC110 - an event would cost as much
            await asyncio.sleep(0.001)
        watch.cancel()

    def _done(self, due: float, error: WriteError | None) -> None:
        assert error is None
        self.latencies.append(self._loop.time() - due)

    async def _watch(self) -> None:
        while True:
            due = self._loop.time() + PROBE
            await asyncio.sleep(PROBE)
            self.lags.append(self._loop.time() - due)


def _options(directory: str) -> Options:
    return Options(Path(directory), "bench")


async def _opened(directory: str) -> Journal:
    notify = asyncio.get_running_loop().call_soon_threadsafe
    return await asyncio.to_thread(Journal, _options(directory), notify)


def _alone() -> None:
    """One thread that writes and synchronises a chunk at a time, for comparison."""
    with tempfile.TemporaryFile() as file:
        times = []
        begin = time.perf_counter()
        while time.perf_counter() - begin < 1:
            before = time.perf_counter()
            os.write(file.fileno(), CHUNK)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - before)
    p50, p99 = _percentiles(times)
    print(f"journal: a write and a synchronisation alone: p50 {p50:.2f} ms, p99 {p99:.1f} ms")


async def _cost() -> None:
    """The processor time of a record, all of it and that of the thread that appends it."""
    with tempfile.TemporaryDirectory() as directory:
        journal = await _opened(directory)
        stream = journal.open_stream(RECORDING, {})
        for size in (300, 8192):
            payload, done = bytes(size), asyncio.Event()
            everything, own = time.process_time(), time.thread_time()
            for _ in range(5000):
                journal.append(stream, payload)
            own = time.thread_time() - own
            journal.append(stream, payload, on_durable=lambda _: done.set(), urgent=True)  # noqa: B023
            await done.wait()
            everything = time.process_time() - everything
            print(
                f"journal: a record of {size} bytes: {own / 5000 * 1e6:.1f} us to append, "
                f"{everything / 5000 * 1e6:.1f} us in all"
            )
        await asyncio.to_thread(journal.close)


def _percentiles(seconds: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile in milliseconds."""
    found = sorted(seconds)
    return 1000 * found[len(found) // 2], 1000 * found[len(found) * 99 // 100]


async def _paced(rate: float, delay: float) -> None:
    sync = os.fdatasync

    def slow(descriptor: int) -> None:
        sync(descriptor)
        time.sleep(delay)

    writer._sync = slow
    with tempfile.TemporaryDirectory() as directory:
        journal = await _opened(directory)
        load = Load(journal, rate)
        before = resource.getrusage(resource.RUSAGE_SELF)
        begin = time.perf_counter()
        await load.run()
        seconds = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_SELF)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        p50, p99 = _percentiles(load.latencies)
        _, lag = _percentiles(load.lags)
        print(
            f"journal: {SESSIONS} x {rate:g}/s of 8 KiB, {delay * 1000:g} ms more a sync: p50 "
            f"{p50:.1f} ms, p99 {p99:.1f} ms, {100 * used / seconds:.0f} % CPU, event loop late by "
            f"{lag:.1f} ms (p99)"
        )
        await asyncio.to_thread(journal.close)
    writer._sync = sync


async def _flood() -> None:
    """As much as the disk takes, in 64 streams; then how long it takes to archive and read it."""
    with tempfile.TemporaryDirectory() as directory:
        journal = await _opened(directory)
        streams = [journal.open_stream(RECORDING, {}) for _ in range(64)]
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < SECONDS:
            try:
                journal.append(streams[count % 64], CHUNK)
                count += 1
            except OverflowedError:
                await asyncio.sleep(0.001)
        done = asyncio.Event()
        journal.append(streams[0], b"", on_durable=lambda _: done.set(), urgent=True, reserved=True)
        await done.wait()
        written = count * len(CHUNK) / (time.perf_counter() - begin) / 1e6
        await asyncio.to_thread(journal.close)
        archived = count * len(CHUNK) / (time.perf_counter() - begin) / 1e6
        print(
            f"journal: {written:.0f} MB/s durable, {archived:.0f} MB/s archived, from 64 streams "
            "of 8 KiB"
        )
        archive = _options(directory).archive(RECORDING)
        begin = time.perf_counter()
        assert list(archive.verify()) == []
        verified = count * len(CHUNK) / (time.perf_counter() - begin) / 1e6
        begin = time.perf_counter()
        cursor = Cursor(None, archive, Decoding(), print)
        read = sum(len(found.record.payload) for found in cursor.poll())
        rate = read / (time.perf_counter() - begin) / 1e6
        print(f"journal: {verified:.0f} MB/s verified, {rate:.0f} MB/s read back")


def _written(directory: str) -> bytes:
    (path,) = Path(directory).glob("wal/*/*.wal")
    return path.read_bytes()


async def _recovery() -> None:
    with tempfile.TemporaryDirectory() as directory:
        journal = await _opened(directory)
        streams = [journal.open_stream(RECORDING, {}) for _ in range(SESSIONS)]
        for number in range(7000):
            journal.append(streams[number % SESSIONS], CHUNK)
        await asyncio.sleep(1.5)
        data = _written(directory)
        begin = time.perf_counter()
        found, intact = group(data)
        seconds = time.perf_counter() - begin
        assert (len(found), intact) == (SESSIONS, len(data))
        print(f"journal: {len(data) / seconds / 1e6:.0f} MB/s searched for a torn end")
        await asyncio.to_thread(journal.close)


async def _run() -> None:
    await asyncio.to_thread(_alone)
    await _cost()
    for delay in (0.0, 0.002, 0.01):
        for rate in (1, 4):
            await _paced(rate, delay)
    await _flood()
    await _recovery()


def main() -> None:
    """Run all of it."""
    asyncio.run(_run())
