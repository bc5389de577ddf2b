"""The recordings in a journal: while they are written, archived, compressed and encrypted."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from guacr.cli import play
from guacr.cli.main import main
from guacr.errors import NotFoundError, OverrunError
from guacr.journal.archive import Archive
from guacr.journal.encoding import decoding, encoding
from guacr.journal.errors import EncryptedError, StoreError
from guacr.journal.journal import Journal
from guacr.journal.options import RECORDING, Options
from guacr.journal.stores import LocalStore
from guacr.journal.writer import LogStream
from guacr.protocol.instruction import encode
from guacr.recording import journal_library
from guacr.recording.journal_library import PREFIX, REFRESH, JournalLibrary, is_in_journal
from guacr.recording.journal_text import about_text, with_text
from guacr.recording.library import Library
from guacr.recording.search import Found, Line
from tests.support.recordings import ttyrec_of

NODE = "node"
BEGIN = encode("size", 0, 640, 480) + encode("sync", 1000)


def sync(second: int) -> bytes:
    return encode("sync", 1000 + 1000 * second)


def every(name: str) -> bool:
    return True


class Desk:
    """A daemon that records, and those who watch."""

    def __init__(self, directory: Path, **more: object) -> None:
        self.directory = directory
        self.options = Options(directory, NODE, **more)  # type: ignore[arg-type]
        self.journal = Journal(self.options)
        self.now = 0.0
        self.watched = JournalLibrary(self.options, clock=lambda: self.now)
        self.library = Library((directory / "files",), self.watched)

    def begin(self, *parts: bytes, name: str = "a session") -> tuple[LogStream, str]:
        stream = self.journal.open_stream(RECORDING, {"name": name})
        self.write(stream, *parts)
        return stream, f"{PREFIX}{self.journal.epoch}.{stream.id}"

    def write(self, stream: LogStream, *parts: bytes) -> None:
        """Write, and wait until that is on the disk."""
        done = threading.Semaphore(0)
        for part in parts:
            self.journal.append(stream, part, on_durable=lambda _: done.release(), urgent=True)
        for _ in parts:
            assert done.acquire(timeout=20)

    def archive(self) -> None:
        """Have everything so far archived."""
        manifest = Archive(LocalStore(self.directory / "archive"), NODE, RECORDING).manifest
        known = len(manifest.numbers())
        self.journal.rotate()
        wait(lambda: len(manifest.numbers()) > known, "the archive")

    def content(self, name: str) -> bytes:
        """The content of a recording, some time later."""
        self.now += REFRESH
        descriptor = self.watched.open(name)
        try:
            return os.pread(descriptor, 1 << 20, 0)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self.library.close()
        assert self.journal.close(20)


def wait(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, encoding=encoding(compress=True, recipients=[]))
    yield made
    made.close()


def test_a_session_is_watched_while_it_is_recorded_and_archived(desk: Desk) -> None:
    stream, name = desk.begin(BEGIN, sync(1))
    other, _ = desk.begin(BEGIN, b"")
    assert desk.content(name) == BEGIN + sync(1)
    assert desk.watched.is_running(name)
    desk.archive()
    desk.write(stream, sync(2))
    assert desk.content(name) == BEGIN + sync(1) + sync(2)
    found = desk.library.map(name)
    assert (found.duration, found.is_running) == (2000, True)
    desk.archive()
    desk.write(stream, sync(3), b"")
    desk.now += REFRESH
    found = desk.library.map(name)
    assert (found.duration, found.is_running) == (3000, False)
    assert not desk.library.has_text(name)
    assert desk.library.search(name, "text").lines == []
    assert other.id != stream.id


def test_text(desk: Desk) -> None:
    """It is found while it is written, and in the archive; the list does not have it."""
    text = desk.journal.open_stream(RECORDING, about_text({"name": "one"}))
    recording = desk.journal.open_stream(RECORDING, with_text({"name": "one"}, text.id))
    desk.write(text, ttyrec_of((1, "\x1b[8;24;80t"), (2.5, "first line\r\n")))
    desk.write(recording, BEGIN, sync(3))
    name = f"{PREFIX}{desk.journal.epoch}.{recording.id}"
    assert [one.name for one in desk.library.listing()[0]] == [name]
    assert desk.library.has_text(name)
    assert desk.library.search(name, "LINE") == Found([Line(1500, "first line")], None)
    desk.archive()
    desk.write(text, ttyrec_of((3, "second line\r\n")), b"")
    desk.write(recording, b"")
    desk.archive()
    again = JournalLibrary(desk.options)
    for library in (desk.library, Library((), again)):
        desk.now += REFRESH
        assert library.has_text(name)
        assert [line.time for line in library.search(name, "line").lines] == [1500, 2000]
    again.close()
    with pytest.raises(NotFoundError):
        desk.library.open(f"{PREFIX}{desk.journal.epoch}.{text.id}")


def test_the_list(desk: Desk) -> None:
    (desk.directory / "files").mkdir()
    (desk.directory / "files" / "old").write_bytes(BEGIN)
    os.utime(desk.directory / "files" / "old", (1e9, 1e9))
    _, running = desk.begin(BEGIN, sync(1), name="running")
    _, ended = desk.begin(BEGIN, b"", name="ended")
    found, note = desk.library.listing()
    shown = {one.title: (one.name, one.running) for one in found}
    assert shown == {"running": (running, True), "ended": (ended, False), "old": ("old", False)}
    assert note == ""
    assert found[-1].title == "old"
    assert all(abs(one.begun - time.time()) < 60 and one.size > 0 for one in found[:-1])
    assert desk.library.listing(lambda name: name.startswith("ann/")) == ([], "")
    assert [one.name for one in desk.library.listing(ended.__eq__)[0]] == [ended]


def test_a_file_with_the_name_of_a_recording_in_the_journal_is_not_shown(desk: Desk) -> None:
    _, name = desk.begin(BEGIN)
    (desk.directory / "files").mkdir()
    (desk.directory / "files" / name).write_bytes(BEGIN + sync(9))
    assert [one.duration for one in desk.library.listing()[0]] == [0]
    assert desk.library.map(name).duration == 0


def test_the_list_says_whose_session_it_was(desk: Desk) -> None:
    about = {"subject": "ann", "host": "web", "protocol": "ssh", "username": "root"}
    desk.write(desk.journal.open_stream(RECORDING, about), BEGIN)
    desk.begin(BEGIN, name="later")
    found = {(one.subject, one.host, one.protocol) for one in desk.library.listing()[0]}
    assert found == {("ann", "web", "ssh"), ("", "", "")}


def test_a_session_of_a_killed_daemon_is_not_running(desk: Desk) -> None:
    _, name = desk.begin(BEGIN)
    lock = desk.directory / "wal" / desk.journal.epoch / "lock"
    shutil.copy(lock, lock.with_name("copy"))
    lock.with_name("copy").rename(lock)  # which nobody has locked
    desk.content(name)
    assert not desk.watched.is_running(name)
    assert [one.running for one in desk.library.listing()[0]] == [False]


@pytest.mark.parametrize(
    "name",
    ["journal:x.1", f"{PREFIX}20260101T000000Z-000000.1", "journal:../x.1", "journal:", "x.1"],
)
def test_names_that_are_not_there(desk: Desk, name: str) -> None:
    with pytest.raises(NotFoundError, match="there is no recording"):
        desk.watched.open(name)


def test_names() -> None:
    assert is_in_journal("journal:20260101T000000Z-00aa00.17")
    for name in ("journal/x.1", "journal:a/b.1", "journal:a.", "journal:a.1.idx", "a/journal:a.1"):
        assert not is_in_journal(name)


def test_a_recording_whose_beginning_has_expired_is_not_there(desk: Desk) -> None:
    stream, name = desk.begin(BEGIN)
    desk.archive()
    desk.write(stream, sync(1))
    shutil.rmtree(desk.directory / "archive")
    assert desk.library.listing()[0] == []
    with pytest.raises(NotFoundError):
        desk.content(name)


@pytest.mark.parametrize("what", ["removed", "cut", "changed"])
def test_a_damaged_archive_is_played_up_to_the_damage(desk: Desk, what: str) -> None:
    stream, name = desk.begin(BEGIN)
    desk.archive()
    desk.write(stream, sync(1))
    desk.archive()
    desk.write(stream, sync(2))
    _, second = sorted(desk.directory.rglob("*.seg"))
    data = second.read_bytes()
    second.unlink()
    if what == "cut":
        second.write_bytes(data[: len(data) // 2])
    elif what == "changed":
        at = data.index(sync(1))
        second.write_bytes(data[:at] + b"?" + data[at + 1 :])
    assert desk.content(name) == BEGIN
    found = desk.library.map(name)
    assert (found.size, found.is_running) == (len(BEGIN), False)
    assert "see `guacr recordings verify`" in found.damage


def test_few_copies_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_library, "COPIES_MAX", 2)
    names = [desk.begin(BEGIN)[1] for _ in range(3)]
    assert [desk.content(name) for name in names] == [BEGIN] * 3
    assert [f"{PREFIX}{key}" for key in desk.watched._copies] == names[1:]
    monkeypatch.setattr(journal_library, "COPIED_MAX", len(BEGIN))
    assert desk.content(names[0]) == BEGIN
    assert len(desk.watched._copies) == 1
    monkeypatch.setattr(journal_library, "COPIED_MAX", len(BEGIN) - 1)
    with pytest.raises(OverrunError, match="guacr recordings save"):
        desk.content(names[1])


def test_a_disk_without_room_for_copies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _, name = desk.begin(BEGIN)
    full = lambda: Path("/dev/full").open("wb")  # noqa: E731, SIM115
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(StoreError, match="No space left on device"):
        desk.content(name)


def test_no_directory_for_copies(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _, name = desk.begin(BEGIN)
    monkeypatch.setattr(tempfile, "tempdir", str(desk.directory / "missing"))
    with pytest.raises(StoreError, match=r"cannot be copied to .*No such file or directory"):
        desk.content(name)


def test_after_the_end_no_copies_are_kept(desk: Desk) -> None:
    _, name = desk.begin(BEGIN)
    desk.watched.close()  # while others are still reading
    assert desk.content(name) == BEGIN
    assert not desk.watched._copies


def test_encrypted_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = pyrage.x25519.Identity.generate()
    how = encoding(compress=False, recipients=[str(identity.to_public())])
    desk = Desk(tmp_path, encoding=how)
    stream, name = desk.begin(BEGIN)
    assert [one.name for one in desk.library.listing()[0]] == [name]  # it is not encrypted yet
    desk.archive()
    desk.write(stream, sync(1))
    listed, note = desk.library.listing()
    assert listed == []
    assert "Encrypted recordings are not listed" in note
    assert desk.library.listing(name.__eq__) == ([], "")
    with pytest.raises(EncryptedError, match="save it with `guacr recordings save --identity`"):
        desk.content(name)
    own = JournalLibrary(desk.options, decoding(str(identity)))
    os.close(own.open(name))
    own.close()
    desk.close()

    (tmp_path / "guacr.toml").write_text(
        f"[journal]\ndirectory = {json.dumps(str(tmp_path))}\nnode = '{NODE}'\n"
    )
    (tmp_path / "keys").write_text(str(identity))
    played: list[tuple[Library, str]] = []

    def served(library: Library, name: str, port: int) -> object:
        played.append((library, name))
        raise NotFoundError("the end of the test")

    monkeypatch.setattr(play, "_served", served)
    terms = ["--config", str(tmp_path / "guacr.toml"), "--identity", str(tmp_path / "keys")]
    assert main(["play", name.removeprefix(PREFIX), *terms]) == 1
    assert [one for _, one in played] == [name]


def test_play_without_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "guacr.toml").touch()
    assert main(["play", "journal:a.1", "--config", str(tmp_path / "guacr.toml")]) == 2
    assert "there is no journal" in capsys.readouterr().err
