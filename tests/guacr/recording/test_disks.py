"""Disks that hang: what waits for them, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from guacr.recording import disks
from guacr.recording.disks import THREADS_EACH, Disk, HangingError
from tests.support.waiting import until

SHORT = 0.05


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk("/srv", SHORT)
    yield disk
    disk.close()


def test_a_disk_that_answers(disk: Disk) -> None:
    assert disk.call(lambda: 7) == 7
    with pytest.raises(OSError, match="no such server"):
        disk.call(_fail)
    assert list(disk.iterate(range(2500))) == list(range(2500))
    assert not disk.hangs


def test_whoever_has_begun_before_the_end_goes_on(disk: Disk) -> None:
    found = disk.iterate(range(2500))
    next(found)
    disk.close()
    assert len(list(found)) == 2499


def _fail() -> None:
    raise TimeoutError("no such server")


async def test_a_disk_that_hangs_is_left_out_until_it_answers(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answers, late, called = threading.Event(), list[int](), list[int]()

    def hang() -> int:
        assert answers.wait(20)
        return 7

    with pytest.raises(HangingError, match="does not answer"):
        disk.call(hang, late.append)
    assert disk.hangs
    with pytest.raises(HangingError):
        disk.call(lambda: called.append(1))
    assert not called
    answers.set()
    await until(lambda: not disk.hangs, "the answer")
    await until(lambda: late == [7], "the late result")
    disk.call(lambda: called.append(1))
    assert called
    assert caplog.messages == ["/srv: its disk does not answer", "/srv: its disk answers again"]


async def test_what_has_not_begun_is_not_done_later(disk: Disk) -> None:
    answers, begun = threading.Event(), list[int]()

    def hang(number: int) -> None:
        begun.append(number)
        assert answers.wait(20)

    def refused(number: int) -> bool:
        try:
            disk.call(lambda: hang(number))
        except HangingError:
            return True
        return False

    with ThreadPoolExecutor(3 * THREADS_EACH) as callers:
        assert all(callers.map(refused, range(3 * THREADS_EACH)))
        answers.set()
    await until(lambda: not disk.hangs, "the answers")
    disk.call(lambda: None)
    assert len(begun) <= THREADS_EACH


def test_a_list_ends_where_the_disk_hangs(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks, "PART", 2)
    answers = threading.Event()

    def results() -> Iterator[int]:
        yield from (1, 2)
        assert answers.wait(20)
        yield 3

    found = disk.iterate(results())
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(HangingError):
        next(found)
    answers.set()
