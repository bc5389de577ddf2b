"""Recordings that are deleted because they are old, or too many."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from guacr.errors import BusyError
from guacr.protocol.instruction import encode
from guacr.recording import retention, service
from guacr.recording.directories import own_directories
from guacr.recording.locks import lock
from guacr.recording.retention import DAY, Deleted, expire
from guacr.recording.service import RetentionService
from guacr.recording.typescript import HEADER
from guacr.retention import RetentionClock
from guacr.session.events import Expired
from guacr.settings.models import Settings
from tests.support.waiting import until

NOW = 1_800_000_000.0
RECORDING = encode("size", 0, 640, 480) + encode("sync", 1000)


def put(path: Path, *, days: float, content: bytes = RECORDING) -> Path:
    """A file that was changed so many days ago."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))
    return path


def left(directory: Path) -> list[str]:
    return sorted(
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    )


def test_old_recordings_and_the_files_beside_them(tmp_path: Path) -> None:
    for name, days in {"ann/old": 31.0, "ann/new": 29.0}.items():
        for suffix in ("", ".idx", ".ttyrec"):
            put(tmp_path / (name + suffix), days=days, content=RECORDING if not suffix else b"x")
    (found,) = expire((tmp_path,), days=30, size=0, now=NOW)
    old = NOW - 31 * DAY
    assert found == Deleted(tmp_path, 1, len(RECORDING) + 2, oldest=old, newest=old)
    assert left(tmp_path) == ["ann/new", "ann/new.idx", "ann/new.ttyrec"]


def test_the_oldest_of_too_many(tmp_path: Path) -> None:
    for days in range(5):
        put(tmp_path / str(days), days=days)
    put(tmp_path / "0.idx", days=0, content=b"x")
    expire((tmp_path,), days=0, size=len(RECORDING) * 3 + 1, now=NOW)
    assert left(tmp_path) == ["0", "0.idx", "1", "2"]
    expire((tmp_path,), days=0, size=1, now=NOW)
    assert left(tmp_path) == []


def test_typescripts(tmp_path: Path) -> None:
    for name, days in {"old": 31.0, "new": 29.0}.items():
        put(tmp_path / name, days=days, content=HEADER + b"text")
        put(tmp_path / f"{name}.timing", days=days, content=b"0.1 4\n")
    (found,) = expire((tmp_path,), days=30, size=0, now=NOW)
    assert (found.count, left(tmp_path)) == (1, ["new", "new.timing"])


def test_everything_else_is_kept(tmp_path: Path) -> None:
    """Other files, recordings outside, and those that are still being written."""
    put(tmp_path / "all/letter", days=99, content=b"1.overview,2.text;4.sync,1.1;")
    put(tmp_path / "all/notes.idx", days=99)
    put(tmp_path / "all/begun", days=99, content=encode("size", 0, 640, 480))
    outside = put(tmp_path / "outside", days=99)
    (tmp_path / "all/link").symlink_to(outside)
    (tmp_path / "all/linked").symlink_to(tmp_path)
    running = put(tmp_path / "all/running", days=99)
    before = left(tmp_path)
    with running.open("ab") as file:
        lock(file.fileno())
        assert expire((tmp_path / "all",), days=1, size=1, now=NOW) == []
    assert left(tmp_path) == before


def test_what_cannot_be_deleted_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *, dir_fd: int) -> None:
        raise PermissionError

    put(tmp_path / "old", days=99)
    monkeypatch.setattr(os, "unlink", refuse)
    assert expire((tmp_path,), days=1, size=0, now=NOW) == [Deleted(tmp_path, failed=1)]


def test_the_directories_of_clients_are_not_those_of_an_operator(tmp_path: Path) -> None:
    values = {
        "recording": {"path": tmp_path / "all", "directories": [tmp_path / "clients"]},
        "connections": {
            "a": {"protocol": "ssh", "parameters": {"recording-path": "/r/${GUAC_DATE}"}},
            "b": {"protocol": "ssh"},
        },
    }
    assert own_directories(Settings.model_validate(values)) == [Path("/r"), tmp_path / "all"]


def test_nothing_is_old_while_the_time_is_not_known(tmp_path: Path) -> None:
    for days in range(3):
        put(tmp_path / str(days), days=days)
    assert expire((tmp_path,), days=1, size=0, now=0.0) == []
    expire((tmp_path,), days=1, size=len(RECORDING) * 2, now=0.0)
    assert left(tmp_path) == ["0", "1"]


def test_what_was_written_by_a_wrong_clock_counts_as_the_newest(tmp_path: Path) -> None:
    put(tmp_path / "1970", days=NOW / DAY - 1)
    put(tmp_path / "1970.idx", days=NOW / DAY - 1, content=b"x")
    put(tmp_path / "2090", days=-40 * 365.0)
    put(tmp_path / "old", days=31)
    put(tmp_path / "new", days=1)
    (found,) = expire((tmp_path,), days=30, size=0, now=NOW)
    assert (found.count, found.undated) == (1, 1)
    assert left(tmp_path) == ["1970", "1970.idx", "2090", "new"]
    expire((tmp_path,), days=0, size=len(RECORDING) * 2 + 1, now=NOW)
    assert left(tmp_path) == ["1970", "1970.idx", "2090"]
    (found,) = expire((tmp_path,), days=0, size=1, now=NOW)
    assert (found.count, left(tmp_path)) == (2, [])


def test_several_directories(tmp_path: Path) -> None:
    for name, days in {"a/1": 5, "a/2": 3, "b/1": 4, "c/1": 1}.items():
        put(tmp_path / name, days=days)
    directories = [tmp_path / name for name in "abc"]
    found = expire(directories, days=2, size=0, now=NOW)
    assert {one.directory.name: one.count for one in found} == {"a": 2, "b": 1}
    event = next(one.event() for one in found if one.directory.name == "a")
    dates = ("2027-01-10T08:00:00.000+00:00", "2027-01-12T08:00:00.000+00:00")
    assert event == Expired(str(tmp_path / "a"), 2, 2 * len(RECORDING), *dates)


def test_dates_that_no_calendar_has(tmp_path: Path) -> None:
    event = Deleted(tmp_path, 2, 2, oldest=-1e15, newest=1e15).event()
    assert (event.oldest[:4], event.newest[:4]) == ("1970", "9999")


class Running:
    """A service that looks at a directory at once, and what it has noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path, **limits: float) -> None:
        monkeypatch.setattr(service, "FIRST", 0.0)
        self.directory = directory
        self.noted: list[Expired] = []
        self.service = RetentionService(self.settings(**limits), self._note)

    def settings(self, **limits: float) -> Settings:
        return Settings.model_validate({"recording": {"path": self.directory, **limits}})

    async def _note(self, event: Expired) -> None:
        self.noted.append(event)

    async def close(self) -> None:
        self.service.stop()
        await self.service.close()
        assert not [task for task in asyncio.all_tasks() if "retention" in task.get_name()]


async def test_nothing_is_deleted_for_its_age_at_the_first_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[float]()
    real = RetentionClock.now

    def now(clock: RetentionClock) -> float:
        looks.append(real(clock))
        return looks[-1]

    monkeypatch.setattr(RetentionClock, "now", now)
    monkeypatch.setattr(service, "EVERY", 0.0)
    put(tmp_path / "old", days=999)
    running = Running(monkeypatch, tmp_path, days=1)
    await running.service.start()
    await until(lambda: len(looks) > 1, "two looks")
    await running.close()
    assert (set(looks), running.noted, left(tmp_path)) == ({0.0}, [], ["old"])


def test_the_outcome_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    service._log(Deleted(Path("/r"), 3, 99, failed=2, undated=1))
    assert [text.split(":")[0] for text in caplog.messages] == [
        "deleted 3 old recordings in /r, 99 bytes",
        "2 old recordings in /r cannot be deleted",
        "1 recordings in /r are dated before 2010, when the clock must have been wrong",
    ]


async def test_limits_apply_with_a_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RetentionClock, "now", lambda clock: NOW)
    put(tmp_path / "old", days=99)
    running = Running(monkeypatch, tmp_path)
    await running.service.start()
    assert running.service._task._task is None, "there is no limit"
    running.service.reload(running.settings(days=1))()
    await until(lambda: running.noted, "the deletion")
    await running.close()
    assert (left(tmp_path), [one.count for one in running.noted]) == ([], [1])


async def test_what_was_deleted_before_the_end_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon ends while the second of three is deleted."""
    deleting, go_on, real = threading.Event(), threading.Event(), os.unlink

    def slow(path: str, *, dir_fd: int) -> None:
        if path == "2":
            deleting.set()
            assert go_on.wait(20)
        real(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", slow)
    for days in (1, 2, 3):
        put(tmp_path / str(4 - days), days=days)
    running = Running(monkeypatch, tmp_path, size=1)
    await running.service.start()
    await until(deleting.is_set, "the second one")
    closing = asyncio.create_task(running.close())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert (left(tmp_path), [one.count for one in running.noted]) == (["3"], [2])


@pytest.mark.parametrize("fails", [True, False])
async def test_the_end_waits_neither_for_a_disk_that_hangs_nor_for_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    looking, go_on = threading.Event(), threading.Event()

    def look(*args: object, **limits: object) -> list[Deleted]:
        looking.set()
        assert go_on.wait(20)
        raise OSError("the disk has failed")

    monkeypatch.setattr(retention, "expire", look)
    monkeypatch.setattr(service, "END_TIMEOUT", 20.0 if fails else 0.01)
    running = Running(monkeypatch, tmp_path, size=1)
    await running.service.start()
    await until(looking.is_set, "a look")
    closing = asyncio.create_task(running.close())
    await asyncio.sleep(0)
    if fails:
        go_on.set()
    await until(closing.done, "the end")
    go_on.set()
    await closing


async def test_an_audit_log_that_cannot_be_written_leaves_it_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(event: Expired) -> None:
        raise BusyError("its disk is full")

    put(tmp_path / "old", days=1)
    running = Running(monkeypatch, tmp_path, size=1)
    monkeypatch.setattr(running.service, "_note", refuse)
    await running.service.start()
    await until(lambda: "does not say what was deleted: its disk" in caplog.text, "the log")
    await running.close()
