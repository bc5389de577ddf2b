"""A journal as a whole: kills at every byte, disks that fail, and what is read back."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from guacr.journal import writer
from guacr.journal.archive import Archive, Retention
from guacr.journal.catalogue import Catalogue, Summary
from guacr.journal.encoding import Decoding, decoding, encoding
from guacr.journal.errors import ExistsError, StoreError, WriteError
from guacr.journal.journal import Journal
from guacr.journal.options import Options
from guacr.journal.reading import Cursor, Key
from guacr.journal.records import HEADER_SIZE, scan
from guacr.journal.sealer import Sealer
from guacr.journal.segments import Segment
from guacr.journal.stores import LocalStore
from guacr.journal.writer import Limits
from guacr.retention import RetentionClock

NODE = "node"


def wait(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


def options(directory: Path, **more: object) -> Options:
    return Options(directory, NODE, **more)  # type: ignore[arg-type]


def cursor(directory: Path, kind: str = "audit") -> Cursor:
    def fail(text: str) -> None:
        raise AssertionError(text)

    return Cursor(directory / "wal", options(directory).archive(kind), Decoding(), fail)


def payloads(directory: Path, kind: str = "audit") -> list[bytes]:
    return [found.record.payload for found in cursor(directory, kind).poll()]


def archived(directory: Path, kind: str = "audit") -> list[str]:
    return [entry.file for entry in options(directory).archive(kind).manifest.entries()]


def append(journal: Journal, kind: str, *texts: bytes) -> None:
    """Append to a new stream, and wait until all of it is durable."""
    stream = journal.open_stream(kind, {})
    done = threading.Semaphore(0)
    for text in texts:
        journal.append(stream, text, on_durable=lambda _: done.release(), urgent=True)
    for _ in texts:
        assert done.acquire(timeout=20)


def test_what_is_written_is_read_before_and_after_it_is_archived(tmp_path: Path) -> None:
    journal = Journal(options(tmp_path))
    append(journal, "audit", b"one", b"two")
    append(journal, "recording", b"picture")
    reader = cursor(tmp_path)
    assert [found.record.payload for found in reader.poll()] == [b"one", b"two"]
    append(journal, "audit", b"three")
    journal.rotate()
    wait(lambda: archived(tmp_path) and archived(tmp_path, "recording"), "the archive")
    append(journal, "audit", b"four")
    (three, four) = reader.poll()
    assert (three.record.payload, four.record.payload) == (b"three", b"four")
    assert three.key == Key(journal.epoch, 3)
    assert list(reader.poll()) == []
    assert payloads(tmp_path) == [b"one", b"two", b"three", b"four"]
    assert payloads(tmp_path, "recording") == [b"picture"]
    assert journal.close()
    assert payloads(tmp_path) == [b"one", b"two", b"three", b"four"]
    assert len(archived(tmp_path)) == 2
    assert list((tmp_path / "wal").iterdir()) == []
    assert list((tmp_path / "outgoing").iterdir()) == []


def test_streams_are_summed_up_from_all_files(tmp_path: Path) -> None:
    def listed() -> list[Summary]:
        archive = options(tmp_path).archive("recording")
        return Catalogue(tmp_path / "wal", archive, Decoding(), pytest.fail).summaries()

    journal = Journal(options(tmp_path))
    append(journal, "audit", b"not one of them")
    stream = journal.open_stream("recording", {"name": "long"})
    journal.append(stream, b"begin")
    append(journal, "recording", b"short", b"")
    long, short = listed()
    assert (long.description.about, long.ended, short.ended) == ({"name": "long"}, False, True)
    before = long.size
    journal.rotate()
    wait(lambda: archived(tmp_path, "recording"), "the archive")
    journal.append(stream, b"end")
    journal.append(stream, b"")
    wait(lambda: listed()[0].ended, "the end")
    long, short = listed()
    assert long.size == before + 32 + 3 + 32
    assert long.begin <= short.begin <= long.end
    assert journal.close()
    assert listed() == [long, short]


def test_a_cut_at_every_byte_loses_only_what_was_not_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same file, cut everywhere, as if as many processes had been killed."""
    journal = Journal(options(tmp_path / "whole"))
    append(journal, "audit", b"one", b"two" * 10, b"")
    (path,) = (tmp_path / "whole" / "wal").glob("*/*.wal")
    data = path.read_bytes()
    assert journal.close()
    ends = [(end, record) for end, record in scan(data) if record.sequence]
    expected = {}
    for size in range(len(data) + 1):
        epoch = f"20260101T000000Z-{size:06}"
        place = tmp_path / "wal" / epoch
        place.mkdir(parents=True)
        (place / "lock").touch()
        (place / "00000001.wal").write_bytes(data[:size])
        whole = [record.payload for end, record in ends if end <= size]
        if whole:
            expected[epoch] = whole
    assert by_epoch(tmp_path) == expected
    note = tmp_path / "wal" / "0 a person's note"
    note.touch()
    assert Journal(options(tmp_path)).close()
    assert by_epoch(tmp_path) == expected
    note.unlink()
    cut = [text for text in caplog.messages if "are incomplete and were cut" in text]
    assert len(cut) == len(data) - len({HEADER_SIZE, *(end for end, _ in scan(data))})
    assert len(archived(tmp_path)) == len(expected)
    assert list((tmp_path / "wal").iterdir()) == []
    assert list(options(tmp_path).archive("audit").verify()) == []


def by_epoch(directory: Path) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for one in cursor(directory).poll():
        found.setdefault(one.key.epoch, []).append(one.record.payload)
    return found


def test_a_step_that_was_done_before_a_crash_is_not_done_twice(tmp_path: Path) -> None:
    """Every store fails at each of its calls; then the next process continues. Nothing that is
    encrypted twice is the same."""
    identity = pyrage.x25519.Identity.generate()
    how = encoding(compress=False, recipients=[str(identity.to_public())])
    for calls in range(1, 20):
        place, store = tmp_path / str(calls), Failing(tmp_path / str(calls) / "store", calls)
        journal = Journal(options(place, store=store, encoding=how))
        append(journal, "audit", b"one")
        append(journal, "recording", b"two")
        journal.close()
        failed, store.calls = store.calls <= 0, 1 << 30
        left = place / "store" / NODE / "audit" / "files" / ".tmp-left"
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"of a process that was killed")
        assert Journal(options(place, store=store, encoding=how)).close()
        for kind, text in (("audit", b"one"), ("recording", b"two")):
            archive = Archive(store, NODE, kind)
            (found,) = Cursor(place / "wal", archive, decoding(str(identity)), print).poll()
            assert found.record.payload == text
            assert list(archive.verify()) == []
        if not failed:
            break
    else:
        pytest.fail("there are more calls")
    assert calls > 6


class Failing(LocalStore):
    """A store whose writes fail, before or after they are done, once there were some calls."""

    def __init__(self, directory: Path, calls: int) -> None:
        super().__init__(directory)
        self.calls = calls

    def _call(self) -> None:
        self.calls -= 1
        if self.calls <= 0:
            raise StoreError("the store does not answer")

    def put(self, name: str, data: bytes) -> None:
        self._call()
        super().put(name, data)
        self._call()

    def put_file(self, name: str, path: Path) -> None:
        self._call()
        super().put_file(name, path)
        self._call()


def test_a_store_that_fails_is_tried_again_and_bounds_what_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store = Failing(tmp_path / "store", 1)
    journal = Journal(options(tmp_path, store=store, waiting_max=1000))
    stream = journal.open_stream("recording", {})
    journal.append(stream, bytes(2000))
    journal.rotate()
    wait(lambda: "trying again in 1 s" in caplog.text, "a failure")
    with pytest.raises(WriteError, match="max_waiting"):
        journal.append(stream, b"x")
    journal.append(stream, b"reserved", reserved=True)
    store.calls = 1 << 30
    wait(lambda: "can be used again" in caplog.text, "a success")
    journal.append(stream, b"x")
    assert journal.close()
    cursor = Cursor(None, Archive(store, NODE, "recording"), Decoding(), print)
    found = [one.record.payload for one in cursor.poll()]
    assert found == [bytes(2000), b"reserved", b"x"]


def test_what_has_expired_is_deleted_once_the_time_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = {"audit": Retention(days=1e-9), "recording": Retention()}
    journal = Journal(options(tmp_path))
    append(journal, "audit", b"one")
    append(journal, "recording", b"two")
    assert journal.close()
    journal = Journal(options(tmp_path, retention=keep))
    wait(lambda: journal._sealer._expiry_at, "the first look")
    assert journal.close()
    assert payloads(tmp_path) == [b"one"]
    monkeypatch.setattr(RetentionClock, "now", lambda clock: time.time())
    journal = Journal(options(tmp_path, retention=keep))
    wait(lambda: not any(archived(tmp_path)), "the expiry")
    assert journal.close()
    assert payloads(tmp_path) == []
    assert payloads(tmp_path, "recording") == [b"two"]
    assert list(options(tmp_path).archive("audit").verify()) == []


def test_a_deleted_directory_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While a file is written, and between two files; others do not take it for left behind."""
    monkeypatch.setattr(writer, "RETRY", 0.0)
    journal = Journal(options(tmp_path))
    append(journal, "audit", b"lost")
    shutil.rmtree(tmp_path / "wal")
    failed = list[WriteError | None]()
    stream = journal.open_stream("audit", {})
    journal.append(stream, b"lost, too", on_durable=failed.append, urgent=True)
    wait(lambda: failed, "the failure")
    append(journal, "audit", b"one")
    assert Journal(options(tmp_path)).close()
    assert archived(tmp_path) == []
    append(journal, "audit", b"two")
    journal.rotate()
    wait(lambda: archived(tmp_path), "the archive")
    wait(lambda: not journal._sealer._files, "the end of the file")
    shutil.rmtree(tmp_path / "wal" / journal.epoch)
    append(journal, "audit", b"three")
    assert journal.close()
    assert payloads(tmp_path) == [b"one", b"two", b"three"]
    assert list(options(tmp_path).archive("audit").verify()) == []
    assert list((tmp_path / "wal").iterdir()) == []
    assert (journal.failures, "has been deleted" in str(failed[0])) == (1, True)
    assert len([text for text in caplog.messages if "goes on in a new directory" in text]) == 2


def test_a_file_that_was_deleted_before_it_was_archived_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing(tmp_path / "store", 1)
    journal = Journal(options(tmp_path, store=store))
    append(journal, "audit", b"one")
    journal.rotate()
    wait(lambda: "trying again" in caplog.text, "a failure")
    shutil.rmtree(tmp_path / "wal")
    wait(lambda: "was deleted before it was archived" in caplog.text, "the log")
    assert journal.close()


def test_a_deleted_lock_is_created_again(tmp_path: Path) -> None:
    """The next process could not archive what is left otherwise."""
    journal = Journal(options(tmp_path))
    (tmp_path / "wal" / journal.epoch / "lock").unlink()
    append(journal, "audit", b"one")
    assert (tmp_path / "wal" / journal.epoch / "lock").exists()
    assert Journal(options(tmp_path)).close()
    assert archived(tmp_path) == []
    assert journal.close()
    assert payloads(tmp_path) == [b"one"]


def test_one_process_deletes_what_has_expired_and_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the store fails after the first of two files."""
    monkeypatch.setattr(RetentionClock, "now", lambda clock: time.time() + 2 * 86400)
    for text in (b"one", b"two"):
        journal = Journal(options(tmp_path))
        append(journal, "audit", text)
        assert journal.close()
    files = archived(tmp_path)
    deleting, go_on, count = threading.Event(), threading.Event(), list[str]()
    real = LocalStore.delete

    def slow(store: LocalStore, name: str) -> None:
        deleting.set()
        assert go_on.wait(20)
        count.append(name)
        if len(count) == 3:
            raise StoreError("the store does not answer")
        real(store, name)

    monkeypatch.setattr(LocalStore, "delete", slow)
    reported, keep = list[list[str]](), {"audit": Retention(days=1)}
    one, other = (
        Journal(
            options(tmp_path, retention=keep),
            expired=lambda kind, found: reported.append([kind, *(entry.file for entry in found)]),
        )
        for _ in range(2)
    )
    assert deleting.wait(20)
    wait(lambda: one._sealer._expiry_at or other._sealer._expiry_at, "the one that need not do it")
    go_on.set()
    wait(lambda: not any(archived(tmp_path)), "the expiry")
    assert one.close()
    assert other.close()
    assert reported == [["audit", files[0]], ["audit", files[1]]]


def test_recordings_leave_space_for_the_audit_log(tmp_path: Path) -> None:
    journal = Journal(options(tmp_path, free_min=1 << 60))
    append(journal, "audit", b"one")
    stream = journal.open_stream("recording", {})
    with pytest.raises(WriteError, match="min_free_disk"):
        journal.append(stream, b"x")
    journal.append(stream, b"x", reserved=True)
    assert journal.close()


CHILD = """
import sys
from pathlib import Path
from guacr.journal.journal import Journal
from guacr.journal.options import Options
journal = Journal(Options(Path(sys.argv[1]), "node"))
stream = journal.open_stream("audit", {})
number = 0
def go_on(error):
    global number
    if error is None:
        print(number, flush=True)
    number += 1
    journal.append(stream, b"%d" % number, on_durable=go_on, urgent=True)
go_on(1)
sys.stdin.read()
"""


def test_a_killed_process_loses_nothing_that_was_durable(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        for _ in range(200):
            last = int(child.stdout.readline())
        assert len(payloads(tmp_path)) >= last  # as another process sees it
        beside = Journal(options(tmp_path))
        beside.close()  # which leaves the files of a running process alone
        assert archived(tmp_path) == []
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:  # if it has written any more
            last = int(line)
    journal = Journal(options(tmp_path))
    wait(lambda: archived(tmp_path), "the archive")
    found = payloads(tmp_path)
    assert found == [b"%d" % number for number in range(1, len(found) + 1)]
    assert len(found) >= last
    assert journal.close()


def test_a_file_that_is_no_journals_is_kept_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    epoch = tmp_path / "wal" / "20260101T000000Z-abcdef"
    epoch.mkdir(parents=True)
    (epoch / "lock").touch()
    (epoch / "00000001.wal").write_bytes(b"no journal, and longer than a header")
    assert Journal(options(tmp_path)).close()
    assert len(list((tmp_path / "damaged").iterdir())) == 1
    assert "is kept as" in caplog.text


def test_what_belongs_to_another_account_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = tmp_path / "wal" / "20260101T000000Z-abcdef"
    killed = Journal(options(tmp_path))
    append(killed, "audit", b"one")
    copy = tmp_path / "wal" / "20260101T000001Z-abcdef"
    shutil.copytree(tmp_path / "wal" / killed.epoch, copy)
    assert killed.close()
    foreign.mkdir()
    (foreign / "lock").touch()
    real = os.open

    def refuse(path: str | os.PathLike[str], *args: int, **more: int) -> int:
        if Path(path) == foreign / "lock":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, *args, **more)

    monkeypatch.setattr(os, "open", refuse)
    journal = Journal(options(tmp_path))
    wait(lambda: not copy.exists(), "what the other process has left")
    journal._sealer._recover()
    assert caplog.text.count("belongs to another account") == 1
    assert foreign.exists()
    assert journal.close()


def test_what_expires_makes_space_for_what_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RetentionClock, "now", lambda clock: time.time() + 2 * 86400)
    journal = Journal(options(tmp_path))
    append(journal, "audit", b"one")
    assert journal.close()
    assert archived(tmp_path)

    def fail(sealer: Sealer) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Sealer, "_recover", fail)
    journal = Journal(options(tmp_path, retention={"audit": Retention(days=1)}))
    wait(lambda: not any(archived(tmp_path)), "the expiry")
    assert journal.close()


def test_a_file_that_is_archived_while_it_is_looked_for_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, other = Journal(options(tmp_path)), Journal(options(tmp_path))
    append(journal, "audit", b"one")
    append(other, "audit", b"two")
    append(journal, "audit", b"three")
    reader = cursor(tmp_path)
    real = reader._find_archived

    def find_before() -> None:
        real()
        if not archived(tmp_path):
            journal.rotate()
            wait(
                lambda: (
                    archived(tmp_path) and not list(tmp_path.glob(f"wal/{journal.epoch}/*.wal"))
                ),
                "the end",
            )

    monkeypatch.setattr(reader, "_find_archived", find_before)
    assert [found.record.payload for found in reader.poll()] == [b"one", b"two", b"three"]
    assert journal.close()
    assert other.close()


def test_processes_are_read_together_in_order_of_time(tmp_path: Path) -> None:
    one, two = Journal(options(tmp_path)), Journal(options(tmp_path))
    expected = [b"%d" % number for number in range(6)]
    reader = cursor(tmp_path)
    for number, text in enumerate(expected):
        append((one, two)[number % 2], "audit", text)
    assert payloads(tmp_path) == expected
    polled = reader.poll()
    found = [next(polled).record.payload]
    assert one.close()  # its file is archived while it is read
    assert payloads(tmp_path) == expected
    assert two.close()
    assert found + [each.record.payload for each in polled] == expected
    assert payloads(tmp_path) == expected
    assert list(reader.poll()) == []


def test_a_clock_that_is_set_back_changes_no_order_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, gmtime = time.time(), time.gmtime

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(time, "gmtime", lambda *_: gmtime(start + seconds))
        monkeypatch.setattr(time, "time_ns", lambda: int((start + seconds) * 1e9))

    set_clock(100)
    one = Journal(options(tmp_path))
    append(one, "audit", b"0")
    set_clock(50)
    append(one, "audit", b"1")
    assert payloads(tmp_path) == [b"0", b"1"], "also while it is written"
    one.rotate()
    wait(lambda: archived(tmp_path), "the archive")
    set_clock(55)
    append(one, "audit", b"2")
    set_clock(60)
    two = Journal(options(tmp_path))  # it has begun after the other, and earlier by its time
    append(two, "audit", b"3")
    set_clock(65)
    append(one, "audit", b"4")
    assert one.close()
    assert two.close()
    assert payloads(tmp_path) == [b"0", b"1", b"2", b"3", b"4"]


def test_files_are_opened_once_their_process_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, gmtime = time.time(), time.gmtime
    for days in (3, 2, 1):
        with monkeypatch.context() as patch:
            then = now - days * 86400
            patch.setattr(time, "gmtime", lambda *_: gmtime(then))  # noqa: B023
            patch.setattr(time, "time_ns", lambda: int(then * 1e9))  # noqa: B023
            journal = Journal(options(tmp_path))
            append(journal, "audit", b"%d" % days)
            assert journal.close()
    opened, real = list[str](), Archive.open

    def note(archive: Archive, file: str, decoding: Decoding) -> Segment:
        opened.append(file)
        return real(archive, file, decoding)

    monkeypatch.setattr(Archive, "open", note)
    for number, found in enumerate(cursor(tmp_path).poll(), 1):
        assert found.record.payload == b"%d" % (4 - number)
        assert len(opened) == number
    assert len(opened) == 3


def test_files_end_on_their_own(tmp_path: Path) -> None:
    journal = Journal(options(tmp_path, limits=Limits(seconds=0.05)))
    append(journal, "audit", b"one")
    wait(lambda: archived(tmp_path), "the archive")
    assert journal.close()


def test_local_objects_are_created_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "deep" / "store")
    store.put("a/b", b"one")
    with pytest.raises(ExistsError):
        store.put("a/b", b"two")
    assert store.get("a/b", 3) == b"one"
    with pytest.raises(StoreError, match="at most 2"):
        store.get("a/b", 2)
    with pytest.raises(StoreError, match="shorter"):
        store.read("a/b", 1, 3)
    assert list(store.names("a/")) == [("a/b", 3)]
    assert (tmp_path / "deep" / "store" / "a" / "b").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    store.delete("a/b")
    store.delete("a/b")
    assert list(store.names("a/")) == []


def test_deleted_directories(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(options(tmp_path))
    append(journal, "audit", b"one")
    (tmp_path / "outgoing").rmdir()
    journal.rotate()
    wait(lambda: archived(tmp_path), "the archive")
    append(journal, "audit", b"two")
    shutil.rmtree(tmp_path / "wal")
    append(journal, "audit", b"three")
    assert "has been deleted" in caplog.text
    assert journal.close()
    assert payloads(tmp_path) == [b"one"]


def test_what_is_no_file_holds_nothing_up(tmp_path: Path) -> None:
    place = tmp_path / "wal" / "20260101T000000Z-000000"
    place.mkdir(parents=True)
    (place / "lock").touch()
    os.mkfifo(place / "00000001.wal")
    journal = Journal(options(tmp_path))
    append(journal, "audit", b"one")
    assert payloads(tmp_path) == [b"one"]
    assert journal.close(20)
    assert payloads(tmp_path) == [b"one"]
