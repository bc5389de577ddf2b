"""The recordings in directories: their list, and access to them."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.errors import NotFoundError, RecordingError
from guacr.protocol.instruction import encode
from guacr.recording import disks
from guacr.recording.directories import DEPTH_MAX
from guacr.recording.disks import HangingError
from guacr.recording.library import Library
from guacr.recording.locks import lock
from guacr.recording.scan import PART
from guacr.recording.search import Found, Line
from guacr.recording.ttyrec import PART_MAX
from tests.support.hung_disk import hung_disk
from tests.support.recordings import ttyrec_of
from tests.support.waiting import until

START = 1_764_412_800_000


def recorded(*times: int, start: int = START) -> bytes:
    frames = [encode("rect", 0, 0, 0, 1, 1) + encode("sync", start + time) for time in times]
    return encode("size", 0, 640, 480) + b"".join(frames)


def put(directory: Path, name: str, content: bytes) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = Library((tmp_path,))
    yield library
    library.close()


def test_the_list(library: Library, tmp_path: Path) -> None:
    early = put(tmp_path, "early", recorded(0, 500, 61_000))
    put(tmp_path, "ann/late.1", recorded(0, 2000, start=START + 3_600_000))
    put(tmp_path, "late.idx", b'{"version": 1}\n')
    put(tmp_path, "notes", b"Hello, world;")
    put(tmp_path, "empty", b"")
    put(tmp_path, "/".join("abcdef") + "/too-deep", recorded(0))
    found = library.recordings()
    assert [(one.name, one.duration) for one in found] == [("ann/late.1", 2000), ("early", 61_000)]
    assert [one.begun for one in found] == [START / 1000 + 3600, START / 1000]
    assert found[1].size == early.stat().st_size


def test_a_clock_that_does_not_count_since_1970(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path, "relative", recorded(0, 10_000, start=77))
    os.utime(path, (1e9, 1e9))
    (one,) = library.recordings()
    assert (one.begun, one.duration) == (1e9 - 10, 10_000)


def test_a_recording_without_a_frame(library: Library, tmp_path: Path) -> None:
    put(tmp_path, "begun", encode("size", 0, 640, 480))
    (one,) = library.recordings()
    assert one.duration is None


def test_directories_that_do_not_exist_are_empty(tmp_path: Path) -> None:
    assert Library((tmp_path / "missing",)).recordings() == []


def names(library: Library, prefix: str = "") -> list[str]:
    return sorted(one.name for one in library.recordings(lambda name: name.startswith(prefix)))


def test_recordings_of_the_same_name_in_two_directories(tmp_path: Path) -> None:
    """The one in the first directory has the name; each has a row, and is found by its name."""
    put(tmp_path, "one/ann/same", recorded(0, 1000))
    put(tmp_path, "one/letter", b"Dear reader, ...")
    for number, name in enumerate(("ann/same", "letter")):
        put(tmp_path, f"two/{name}", recorded(0, 2000 + number))
        put(tmp_path, f"two/{name}.ttyrec", ttyrec_of((START / 1000, f"text of {name}\n")))
    library = Library((tmp_path / "one", tmp_path / "two"))
    found = {one.name: one.duration for one in library.recordings()}
    (other,) = found.keys() - {"ann/same", "letter"}
    assert found == {"ann/same": 1000, "letter": 2001, other: 2000}
    assert {name: library.map(name).duration for name in found} == found
    assert names(library, "ann/") == ["ann/same", other]
    assert names(library, other) == [other]
    assert not library.has_text("ann/same")
    assert library.search(other, "text").lines == [Line(0, "text of ann/same")]
    again = Library((tmp_path / "new", tmp_path / "one", tmp_path / "two"))
    assert names(again, other) == [other], "links to it stay valid"


def test_a_name_that_looks_like_that_of_another_directory(tmp_path: Path) -> None:
    directories = (tmp_path / "one", tmp_path / "two")
    for directory in directories:
        put(directory, "same", recorded(0))
    (other,) = (name for name in names(Library(directories)) if name != "same")
    put(tmp_path, f"one/{other}", recorded(0, 7000))
    library = Library(directories)
    assert len(set(names(library))) == 3
    assert sorted(library.map(name).duration for name in names(library)) == [0, 0, 7000]


def test_a_directory_within_another_one(tmp_path: Path) -> None:
    put(tmp_path, "all/ann/one", recorded(0, 1000))
    put(tmp_path, "all/one", recorded(0, 2000))
    put(tmp_path, "all/a/b/c/d/e/deep", recorded(0, 3000))
    (tmp_path / "link").symlink_to("all")
    library = Library(
        (tmp_path / "all/ann", tmp_path / "all", tmp_path / "link", tmp_path / "all/a/b/c/d")
    )
    assert names(library) == ["ann/one", "e/deep", "one"]
    assert [library.map(name).duration for name in names(library)] == [1000, 3000, 2000]


def test_a_token_for_a_name_in_an_inner_directory(tmp_path: Path) -> None:
    put(tmp_path, "all/ann/one", recorded(0, 1000))
    library = Library((tmp_path / "all/ann", tmp_path / "all"))
    (one,) = library.recordings(lambda name: name == "one")
    assert (one.name, library.map("one").duration) == ("one", 1000)
    put(tmp_path, "all/one", recorded(0, 2000))
    (one,) = library.recordings(lambda name: name == "one")
    assert one.duration == library.map("one").duration == 2000


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../outside", "/outside", "a//b", "sub/../../outside", "missing"),
        *("link", "linked/outside", "notes", "pipe", "sub", "a\0b", "a" * 300),
        "/".join("a" * (DEPTH_MAX + 2)),
    ],
)
def test_what_is_no_recording(name: str, tmp_path: Path) -> None:
    put(tmp_path, "outside", recorded(0))
    put(tmp_path, "inside/notes", b"Hello, world;")
    put(tmp_path, "inside/sub/below", recorded(0))
    (tmp_path / "inside/link").symlink_to(tmp_path / "outside")
    (tmp_path / "inside/linked").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "inside/pipe")
    library = Library((tmp_path / "inside",))
    assert [one.name for one in library.recordings()] == ["sub/below"]
    files = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(NotFoundError):
        library.open(name)
    assert len(list(Path("/proc/self/fd").iterdir())) == files


def test_what_is_still_being_written(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path, "running", recorded(0, 1000))
    assert library.map("running").duration == 1000
    with path.open("ab") as file:
        file.write(recorded(2000)[:-3])
        file.flush()
        assert library.map("running").duration == 1000
        file.write(recorded(2000)[-3:])
        file.flush()
        found = library.map("running")
    assert (found.duration, found.size) == (2000, path.stat().st_size)


def test_a_file_that_was_replaced(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path, "again", recorded(0, 1000, 9000))
    assert library.map("again").duration == 9000
    path.write_bytes(recorded(0, 500))
    assert library.map("again").duration == 500


def test_what_comes_before_damage(library: Library, tmp_path: Path) -> None:
    whole = recorded(0, 3000)
    put(tmp_path, "damaged", whole + b"garbage, garbage, garbage")
    found = library.map("damaged")
    assert (found.duration, found.damage) == (
        3000,
        f"the recording is damaged after {len(whole)} bytes",
    )


def test_text(library: Library, tmp_path: Path) -> None:
    put(tmp_path, "terminal", recorded(0, 9000))
    put(tmp_path, "desktop", recorded(0))
    begin = START / 1000
    content = ttyrec_of((begin - 0.05, "early text"), (begin + 2, " and TEXT\n"))
    put(tmp_path, "terminal.ttyrec", content)
    assert library.has_text("terminal")
    assert library.search("terminal", "text") == Found([Line(0, "early text")], None)
    assert library.search("terminal", "and").lines == [Line(2000, "early text and TEXT")]
    assert not library.has_text("desktop")
    assert library.search("desktop", "text") == Found([], None)
    with pytest.raises(NotFoundError):
        library.search("missing", "text")


def test_the_lock_of_a_writer(library: Library, tmp_path: Path) -> None:
    path = put(tmp_path, "running", recorded(0, 1000))
    with path.open("ab") as file:
        lock(file.fileno())
        assert library.map("running").is_running
        assert library.map("running").is_running  # a look does not end the lock
        with path.open("ab") as other, pytest.raises(OSError, match="unavailable"):
            lock(other.fileno())
    assert not library.map("running").is_running


def test_the_newest_of_those_that_may_be_seen_are_listed(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guacr.recording.library.LISTED_MAX", 3)
    for number in range(9):
        for person in ("ann", "bob"):
            path = put(tmp_path, f"{person}/{number}", recorded(0, start=START + number))
            os.utime(path, (1e9 + number, 1e9 + number))
            put(tmp_path, f"{person}/{number}.idx", b"{}")
    found = library.recordings(lambda name: name.startswith("bob/"))
    assert [one.name for one in found] == ["bob/8", "bob/7", "bob/6"]


def test_a_text_that_is_one_endless_line(library: Library, tmp_path: Path) -> None:
    put(tmp_path, "one", recorded(0))
    text = put(tmp_path, "one.ttyrec", ttyrec_of((1, "x" * PART_MAX)) * 8)
    os.truncate(text, 1 << 28)
    tracemalloc.start()
    try:
        assert library.search("one", "y") == Found([], 0)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_the_list_says_which_sessions_are_running(library: Library, tmp_path: Path) -> None:
    put(tmp_path, "ended", recorded(0))
    with put(tmp_path, "running", recorded(0)).open("r+b") as file:
        lock(file.fileno())
        assert {one.name: one.running for one in library.recordings()} == {
            "ended": False,
            "running": True,
        }
        lock(file.fileno())  # nobody else has locked it meanwhile


def test_a_file_that_the_disk_refuses(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "good", recorded(0))
    bad = put(tmp_path, "bad", recorded(0)).stat().st_ino
    ordinary = os.pread

    def refuse(shortest: int) -> None:
        def pread(descriptor: int, length: int, offset: int) -> bytes:
            if os.fstat(descriptor).st_ino == bad and length >= shortest:
                raise OSError(errno.EIO, "input/output error")
            return ordinary(descriptor, length, offset)

        monkeypatch.setattr(os, "pread", pread)

    before = len(list(Path("/proc/self/fd").iterdir()))
    for shortest in (0, PART):  # at the first bytes, and at all of it
        refuse(shortest)
        with pytest.raises(RecordingError, match="input/output error"):
            library.map("bad")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    refuse(0)
    assert [one.name for one in library.recordings()] == ["good"]


async def test_a_disk_that_hangs_holds_up_only_its_own_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "PATIENCE", 0.1)
    put(tmp_path, "fine/one", recorded(0, 1000))
    put(tmp_path, "hung/two", recorded(0, 2000))
    library = Library((tmp_path / "hung", tmp_path / "fine"))
    with hung_disk(tmp_path / "hung"):
        found, note = library.listing()
        assert [one.name for one in found] == ["one"]
        assert note == "Some recordings are not listed: their disk does not answer."
        assert library.map("one").duration == 1000
        with pytest.raises(HangingError, match="the disk of the recording 'two' does not answer"):
            library.map("two")
    await until(lambda: not library._hangs(), "the answer")
    assert names(library) == ["one", "two"]
    assert library.listing()[1] == ""
    assert library.map("two").duration == 2000
    library.close()
