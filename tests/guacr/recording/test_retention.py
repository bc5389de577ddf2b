"""Recordings that are deleted because they are old, or too many."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from guacr.protocol.instruction import encode
from guacr.recording import service
from guacr.recording.directories import own_directories
from guacr.recording.locks import lock
from guacr.recording.retention import DAY, Deleted, expire
from guacr.recording.service import RetentionService
from guacr.recording.typescript import HEADER
from guacr.retention import RetentionClock
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
    found = expire((tmp_path,), days=30, size=0, now=NOW)
    assert found == Deleted(1, len(RECORDING) + 2)
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
    assert expire((tmp_path,), days=30, size=0, now=NOW).count == 1
    assert left(tmp_path) == ["new", "new.timing"]


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
        assert expire((tmp_path / "all",), days=1, size=1, now=NOW) == Deleted()
    assert left(tmp_path) == before


def test_what_cannot_be_deleted_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, *, dir_fd: int) -> None:
        raise PermissionError

    put(tmp_path / "old", days=99)
    monkeypatch.setattr(os, "unlink", refuse)
    assert expire((tmp_path,), days=1, size=0, now=NOW) == Deleted(failed=1)


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
    assert expire((tmp_path,), days=1, size=0, now=0.0) == Deleted()
    assert expire((tmp_path,), days=1, size=len(RECORDING) * 2, now=0.0).count == 1
    assert left(tmp_path) == ["0", "1"]


def test_what_was_written_by_a_wrong_clock_counts_as_the_newest(tmp_path: Path) -> None:
    put(tmp_path / "1970", days=NOW / DAY - 1)
    put(tmp_path / "1970.idx", days=NOW / DAY - 1, content=b"x")
    put(tmp_path / "2090", days=-40 * 365.0)
    put(tmp_path / "old", days=31)
    put(tmp_path / "new", days=1)
    found = expire((tmp_path,), days=30, size=0, now=NOW)
    assert (found.count, found.undated, left(tmp_path)) == (
        1,
        1,
        ["1970", "1970.idx", "2090", "new"],
    )
    expire((tmp_path,), days=0, size=len(RECORDING) * 2 + 1, now=NOW)
    assert left(tmp_path) == ["1970", "1970.idx", "2090"]
    assert expire((tmp_path,), days=0, size=1, now=NOW).count == 2


async def test_nothing_is_deleted_for_its_age_at_the_first_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[Deleted]()
    monkeypatch.setattr(service, "FIRST", 0.0)
    monkeypatch.setattr(service, "_report", looks.append)
    put(tmp_path / "old", days=999)
    limits = {"recording": {"path": tmp_path, "days": 1}}
    running = RetentionService(Settings.model_validate(limits))
    await running.start()
    await until(lambda: looks, "a look")
    running.stop()
    await running.close()
    assert (looks, left(tmp_path)) == ([Deleted()], ["old"])


def test_the_outcome_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    service._report(Deleted(3, 99, failed=2, undated=1))
    assert [text.split(":")[0] for text in caplog.messages] == [
        "deleted 3 old recordings, 99 bytes",
        "2 old recordings cannot be deleted",
        "1 recordings are dated before 2010, when the clock must have been wrong",
    ]


async def test_limits_apply_with_a_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "FIRST", 0.0)
    monkeypatch.setattr(RetentionClock, "now", lambda clock: NOW)
    put(tmp_path / "old", days=99)
    running = RetentionService(Settings.model_validate({"recording": {"path": tmp_path}}))
    await running.start()
    assert running._task._task is None, "there is no limit"
    limits = {"recording": {"path": tmp_path, "days": 1}}
    running.reload(Settings.model_validate(limits))()
    await until(lambda: left(tmp_path) == [], "the deletion")
    running.stop()
    await running.close()
    assert not [task for task in asyncio.all_tasks() if "retention" in task.get_name()]
