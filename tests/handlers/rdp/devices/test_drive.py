"""What a host can do with a drive, and what it is told."""

from __future__ import annotations

import os
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from handlers.rdp.devices import drive as drives
from handlers.rdp.devices import information
from handlers.rdp.devices.drive import DOWNLOADS, HANDLES_MAX, READ_MAX, Drive
from handlers.rdp.devices.functions import Function, Status
from handlers.rdp.devices.tree import Limits, Tree
from tests.handlers.rdp.devices import asking
from tests.handlers.rdp.devices.test_tree import tree_of

EPOCH = 11_644_473_600
"""1970 in seconds since 1601."""


class Asker:
    """A host."""

    def __init__(self, tree: Tree, *, downloads: bool = True) -> None:
        self.sent: list[tuple[tuple[str, ...], bytes]] = []
        """Paths and contents of the files that users are sent."""
        self.uses: list[tuple[str, str, int | None, str]] = []
        """What is reported: actions, paths, bytes and new paths."""
        self.drive = Drive(tree, "My drive", self._send if downloads else None, self._used)

    def _used(
        self, action: str, path: tuple[str, ...], size: int | None, to: tuple[str, ...]
    ) -> None:
        self.uses.append((action, "/".join(path), size, "/".join(to)))

    def _send(self, path: tuple[str, ...], descriptor: int) -> None:
        with open(descriptor, "rb") as file:
            self.sent.append((path, file.read()))

    def ask(
        self, function: Function, body: bytes = b"", handle: int = 0, minor: int = 0
    ) -> tuple[Status, bytes]:
        return self.drive.answer(asking.request(function, body, handle, minor=minor))

    def refused(self, function: Function, body: bytes = b"", handle: int = 0) -> Status:
        """The status of a request that is refused."""
        status, content = self.ask(function, body, handle)
        assert status != Status.SUCCESS
        assert content == b""
        return status

    def done(self, function: Function, body: bytes = b"", handle: int = 0, minor: int = 0) -> bytes:
        status, content = self.ask(function, body, handle, minor)
        assert status is Status.SUCCESS
        return content

    def open(self, path: str, *terms: int, **more: int) -> int:
        handle, _ = struct.unpack(
            "<IB", self.done(Function.CREATE, asking.create(path, *terms, **more))
        )
        assert handle
        return int(handle)

    def close(self, handle: int) -> None:
        self.done(Function.CLOSE, bytes(32), handle)

    def read(self, handle: int, size: int = 1000, offset: int = 0) -> bytes:
        content = self.done(Function.READ, asking.read(size, offset), handle)
        assert struct.unpack_from("<I", content)[0] == len(content) - 4
        return content[4:]

    def write(self, handle: int, data: bytes, offset: int = 0) -> None:
        answer = self.done(Function.WRITE, asking.write(data, offset), handle)
        assert struct.unpack("<IB", answer) == (len(data), 0)

    def query(self, handle: int, kind: int) -> bytes:
        content = self.done(Function.QUERY_INFORMATION, asking.query(kind), handle)
        assert struct.unpack_from("<I", content)[0] == len(content) - 4
        return content[4:]

    def set(self, handle: int, kind: int, data: bytes = b"") -> None:
        answer = self.done(Function.SET_INFORMATION, asking.put(kind, data), handle)
        assert struct.unpack("<I", answer) == (len(data),)

    def names(self, path: str, pattern: str) -> list[str]:
        """The names that a directory lists for a pattern."""
        handle = self.open(path, options=asking.DIRECTORY)
        found: list[str] = []
        body = asking.listing(information.NAMES, f"{path}\\{pattern}")
        while True:
            status, content = self.ask(
                Function.DIRECTORY, body, handle, minor=asking.QUERY_DIRECTORY
            )
            if status is not Status.SUCCESS:
                end = Status.NO_MORE_FILES if found else Status.NO_SUCH_FILE
                assert status is end
                self.close(handle)
                return found
            _, _, _, size = struct.unpack_from("<IIII", content)
            assert size == len(content) - 16
            found.append(content[16:].decode("utf-16-le", "surrogatepass"))
            body = asking.listing(information.NAMES)


def end(drive: Drive) -> None:
    """Close everything for good."""
    drive.forget(for_good=True)
    drive.close_forgotten()


@pytest.fixture
async def tree(tmp_path: Path) -> AsyncIterator[Tree]:
    made = tree_of(tmp_path)
    yield made
    made.close()


@pytest.fixture
def host(tree: Tree) -> Iterator[Asker]:
    made = Asker(tree)
    yield made
    end(made.drive)


# ---- open and close


@pytest.mark.parametrize(
    ("disposition", "of_new", "of_old", "content"),
    [
        (asking.SUPERSEDE, 0, 3, b""),
        (asking.OPEN, Status.NO_SUCH_FILE, 1, b"old"),
        (asking.CREATE, 0, Status.OBJECT_NAME_COLLISION, b"old"),
        (asking.OPEN_IF, 0, 1, b"old"),
        (asking.OVERWRITE, Status.NO_SUCH_FILE, 3, b""),
        (asking.OVERWRITE_IF, 0, 3, b""),
        (6, Status.INVALID_PARAMETER, Status.INVALID_PARAMETER, b"old"),
    ],
)
def test_dispositions(
    disposition: int, of_new: int, of_old: int, content: bytes, host: Asker, tmp_path: Path
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    for name, expected in (("new", of_new), ("old", of_old)):
        body = asking.create(f"\\{name}", disposition, access=asking.READ | asking.WRITE)
        status, answer = host.ask(Function.CREATE, body)
        if status is Status.SUCCESS:
            assert struct.unpack("<IB", answer)[1] == expected
        else:
            assert status == expected
    assert (tmp_path / "old").read_bytes() == content
    assert (tmp_path / "new").exists() == (of_new == 0)


def test_directories(host: Asker, tmp_path: Path) -> None:
    made = host.open("\\made", asking.CREATE, options=asking.DIRECTORY)
    assert (tmp_path / "made").is_dir()
    host.close(made)
    body = asking.create("\\made", asking.CREATE, options=asking.DIRECTORY)
    assert host.refused(Function.CREATE, body) is Status.OBJECT_NAME_COLLISION
    body = asking.create("\\made", options=asking.NO_DIRECTORY)
    assert host.refused(Function.CREATE, body) is Status.FILE_IS_A_DIRECTORY
    body = asking.create("\\made", asking.OVERWRITE_IF)
    assert host.refused(Function.CREATE, body) is Status.FILE_IS_A_DIRECTORY
    (tmp_path / "file").touch()
    body = asking.create("\\file", options=asking.DIRECTORY)
    assert host.refused(Function.CREATE, body) is Status.NOT_A_DIRECTORY
    for path in ("\\gone\\file", "\\file\\file"):
        body = asking.create(path, asking.OPEN_IF)
        assert host.refused(Function.CREATE, body) is Status.OBJECT_PATH_NOT_FOUND


def test_the_directory_for_downloads_is_there(host: Asker, tree: Tree, tmp_path: Path) -> None:
    host.close(host.open("\\", options=asking.DIRECTORY))
    assert (tmp_path / DOWNLOADS).is_dir()
    (tmp_path / DOWNLOADS).rmdir()
    other = Asker(tree, downloads=False)
    other.close(other.open("\\"))
    assert not (tmp_path / DOWNLOADS).exists()


def test_read_only_access_does_not_write(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    handle = host.open("\\file")
    body = asking.write(b"new")
    assert host.refused(Function.WRITE, body, handle) is Status.ACCESS_DENIED
    assert (tmp_path / "file").read_bytes() == b"old"
    host.write(host.open("\\file", access=asking.MAXIMUM), b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_handles_have_a_limit(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    handles = [host.open("\\file") for _ in range(HANDLES_MAX)]
    assert len(set(handles)) == HANDLES_MAX
    body = asking.create("\\file")
    assert host.refused(Function.CREATE, body) is Status.TOO_MANY_OPENED_FILES
    host.close(handles[0])
    host.open("\\file")
    host.drive.forget()
    host.drive.close_forgotten()
    assert host.refused(Function.READ, asking.read(1), handles[1]) is Status.INVALID_HANDLE
    host.open("\\file")
    end(host.drive)
    assert host.refused(Function.CREATE, body) is Status.TOO_MANY_OPENED_FILES


def test_what_is_opened_after_all_was_forgotten_stays_open(host: Asker, tmp_path: Path) -> None:
    """A server that begins anew does not wait until its files have been closed."""
    (tmp_path / "file").write_bytes(b"content")
    before = host.open("\\file")
    host.drive.forget()
    after = host.open("\\file")
    host.drive.close_forgotten()
    assert host.refused(Function.READ, asking.read(7), before) is Status.INVALID_HANDLE
    assert host.ask(Function.READ, asking.read(7), after)[1].endswith(b"content")


@pytest.mark.parametrize("function", [one for one in Function if one is not Function.CREATE])
def test_handles_that_are_not_open(function: Function, host: Asker) -> None:
    bodies = {
        Function.QUERY_VOLUME: asking.query(99),
        Function.DIRECTORY: asking.listing(1, "\\*"),
    }
    status, content = host.ask(
        function, bodies.get(function, bytes(64)), 7, minor=asking.QUERY_DIRECTORY
    )
    unsupported = function in (Function.CONTROL, Function.SET_VOLUME, Function.QUERY_VOLUME)
    assert status is (Status.NOT_SUPPORTED if unsupported else Status.INVALID_HANDLE)
    assert content == b""


def test_requests_that_end_too_early(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    handle = host.open("\\file", access=asking.READ | asking.WRITE)
    bodies = {
        Function.CREATE: asking.create("\\file"),
        Function.READ: asking.read(1)[:12],
        Function.WRITE: asking.write(b"data"),
        Function.QUERY_INFORMATION: asking.query(information.BASIC)[:4],
        Function.SET_INFORMATION: asking.put(information.END_OF_FILE, bytes(8)),
        Function.QUERY_VOLUME: asking.query(information.SIZE)[:4],
        Function.LOCK: asking.lock(2, (1, 1)),
    }
    for function, body in bodies.items():
        for end in range(len(body)):
            assert host.refused(function, body[:end], handle) is Status.INVALID_PARAMETER
    assert (tmp_path / "file").read_bytes() == b""


# ---- read and write


def test_reading_and_writing(host: Asker, tmp_path: Path) -> None:
    handle = host.open("\\f\u00fc\U0001f600", asking.CREATE, access=asking.WRITE)
    host.write(handle, b"0123456789")
    host.write(handle, b"ab", 4)
    host.write(handle, b"end", 12)
    assert host.read(handle) == b"0123ab6789\0\0end"
    assert host.read(handle, 2, 4) == b"ab"
    assert host.read(handle, 10, 100) == b""
    assert host.read(handle, 10, 2**64 - 1) == b""
    assert (tmp_path / "f\u00fc\U0001f600").read_bytes() == b"0123ab6789\0\0end"


def test_reads_have_a_limit(host: Asker, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(READ_MAX * 2)
    assert len(host.read(host.open("\\large"), 0xFFFFFFFF)) == READ_MAX


async def test_files_have_a_limit(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, Limits(10, 0))
    host = Asker(tree)
    handle = host.open("\\file", asking.CREATE, access=asking.WRITE)
    host.write(handle, bytes(10))
    for body in (asking.write(b"x", 10), asking.write(b"x", 2**64 - 1)):
        assert host.refused(Function.WRITE, body, handle) is Status.DISK_FULL
    body = asking.put(information.END_OF_FILE, struct.pack("<Q", 11))
    assert host.refused(Function.SET_INFORMATION, body, handle) is Status.DISK_FULL
    end(host.drive)
    tree.close()


# ---- information


def test_basic_information(host: Asker, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 5)
    handle = host.open("\\file", access=asking.READ | asking.WRITE)
    seconds = 1_700_000_000
    filetime = (seconds + EPOCH) * 10_000_000
    host.set(handle, information.BASIC, struct.pack("<qqqqI", 0, filetime, filetime + 5, 0, 0))
    assert path.stat().st_atime_ns == seconds * 10**9
    assert path.stat().st_mtime_ns == seconds * 10**9 + 500
    host.set(handle, information.BASIC, struct.pack("<qqqqI", -1, -1, 0, -2, 0x1))
    assert path.stat().st_mtime_ns == seconds * 10**9 + 500
    _, _, written, _, attributes = struct.unpack("<qqqqI", host.query(handle, information.BASIC))
    assert written == filetime + 5
    assert attributes == 0x80
    path.chmod(0o400)
    assert host.query(handle, information.BASIC)[32:] == struct.pack("<I", 0x1)
    assert host.query(handle, information.ATTRIBUTE_TAG) == struct.pack("<II", 0x1, 0)


def test_standard_information(host: Asker, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").write_bytes(b"x" * 5)
    layout = struct.Struct("<QQIBB")
    handle = host.open("\\file")
    assert layout.unpack(host.query(handle, information.STANDARD))[1:] == (5, 1, 0, 0)
    host.set(handle, information.DISPOSITION)
    assert layout.unpack(host.query(handle, information.STANDARD))[1:] == (5, 1, 1, 0)
    directory = host.open("\\.hidden")
    assert layout.unpack(host.query(directory, information.STANDARD))[1:] == (0, 1, 0, 1)
    assert host.query(directory, information.ATTRIBUTE_TAG) == struct.pack("<II", 0x12, 0)


@pytest.mark.parametrize("kind", [0, 6, 9, 255])
def test_other_classes(kind: int, host: Asker) -> None:
    handle = host.open("\\")
    for function, body in (
        (Function.QUERY_INFORMATION, asking.query(kind)),
        (Function.SET_INFORMATION, asking.put(kind, bytes(100))),
        (Function.QUERY_VOLUME, asking.query(kind)),
    ):
        assert host.refused(function, body, handle) is Status.NOT_SUPPORTED


def test_the_disk(host: Asker, tmp_path: Path) -> None:
    found = {
        kind: host.done(Function.QUERY_VOLUME, asking.query(kind))[4:]
        for kind in (
            information.VOLUME,
            information.SIZE,
            information.DEVICE,
            information.ATTRIBUTE,
            information.FULL_SIZE,
        )
    }
    label = "My drive".encode("utf-16-le")
    assert found[information.VOLUME] == struct.pack("<QIIB", 0, 0, len(label), 0) + label
    total, left, sectors, size = struct.unpack("<QQII", found[information.SIZE])
    known = os.statvfs(tmp_path)
    assert total * sectors * size == pytest.approx(known.f_blocks * known.f_frsize, rel=0.01)
    assert 0 < left < total
    assert struct.unpack("<QQQII", found[information.FULL_SIZE])[0] == total
    assert found[information.DEVICE] == struct.pack("<II", 7, 0)
    assert found[information.ATTRIBUTE].endswith("GUACFS".encode("utf-16-le"))


def test_sizes(host: Asker, tmp_path: Path) -> None:
    path = tmp_path / "file"
    handle = host.open("\\file", asking.CREATE, access=asking.WRITE)
    for kind, size, expected in (
        (information.END_OF_FILE, 100, 100),
        (information.ALLOCATION, 4096, 100),  # reserves nothing
        (information.ALLOCATION, 50, 50),
        (information.END_OF_FILE, 10, 10),
    ):
        host.set(handle, kind, struct.pack("<Q", size))
        assert path.stat().st_size == expected
    for kind in (information.END_OF_FILE, information.ALLOCATION):
        body = asking.put(kind, bytes(7))
        status = host.refused(Function.SET_INFORMATION, body, handle)
        assert status is Status.INVALID_PARAMETER


# ---- deleting and renaming


@pytest.mark.parametrize("data", [b"", b"\1"])
def test_deleting(data: bytes, host: Asker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    handle = host.open("\\file", access=asking.DELETE)
    host.set(handle, information.DISPOSITION, data)
    assert (tmp_path / "file").exists()
    host.close(handle)
    assert not (tmp_path / "file").exists()


def test_deleting_on_close(host: Asker, tmp_path: Path) -> None:
    host.close(host.open("\\file", asking.CREATE, options=asking.DELETE_ON_CLOSE))
    assert not (tmp_path / "file").exists()


def test_what_is_not_deleted(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "file").touch()
    full, kept, root = host.open("\\full"), host.open("\\file"), host.open("\\")
    body = asking.put(information.DISPOSITION, b"\1")
    assert host.refused(Function.SET_INFORMATION, body, full) is Status.DIRECTORY_NOT_EMPTY
    assert host.refused(Function.SET_INFORMATION, body, root) is Status.ACCESS_DENIED
    host.set(kept, information.DISPOSITION, b"\1")
    host.set(kept, information.DISPOSITION, b"\0")
    host.close(kept)
    assert (tmp_path / "file").exists()
    replaced = host.open("\\file")
    host.set(replaced, information.DISPOSITION)
    (tmp_path / "file").rename(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("another one")
    host.close(replaced)
    assert (tmp_path / "file").read_text() == "another one"


def test_renaming(host: Asker, tmp_path: Path) -> None:
    for name in ("old", "taken"):
        (tmp_path / name).write_text(name)
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/inner").write_text("inner")
    handle, inner, directory = host.open("\\old"), host.open("\\dir\\inner"), host.open("\\dir")
    body = asking.put(information.RENAME, asking.rename("\\taken"))
    status = host.refused(Function.SET_INFORMATION, body, handle)
    assert status is Status.OBJECT_NAME_COLLISION
    host.set(handle, information.RENAME, asking.rename("\\taken", replaces=True))
    assert (tmp_path / "taken").read_text() == "old"
    host.set(directory, information.RENAME, asking.rename("\\moved"))
    host.set(inner, information.DISPOSITION)
    host.close(inner)  # which has another path now
    assert not (tmp_path / "moved/inner").exists()
    body = asking.put(information.RENAME, asking.rename("\\moved\\itself"))
    assert host.refused(Function.SET_INFORMATION, body, directory) is Status.INVALID_PARAMETER
    body = asking.put(information.RENAME, asking.rename("\\..\\out"))
    assert host.refused(Function.SET_INFORMATION, body, handle) is Status.OBJECT_NAME_INVALID


# ---- downloads


def test_downloads(host: Asker, tmp_path: Path) -> None:
    (tmp_path / DOWNLOADS).mkdir()
    handle = host.open(f"\\{DOWNLOADS}\\file", asking.CREATE, access=asking.WRITE)
    host.write(handle, b"content")
    assert host.sent == []
    host.close(handle)
    assert host.sent == [((DOWNLOADS, "file"), b"content")]
    host.close(host.open(f"\\{DOWNLOADS}\\file"))  # only read
    assert len(host.sent) == 1


def test_what_is_moved_to_the_downloads_stays(host: Asker, tmp_path: Path) -> None:
    (tmp_path / DOWNLOADS).mkdir()
    (tmp_path / "file").write_bytes(b"content")
    handle = host.open("\\file")
    host.set(handle, information.RENAME, asking.rename(f"\\{DOWNLOADS}\\file"))
    assert host.sent == [(("file",), b"content")]
    assert (tmp_path / "file").exists()


def test_downloads_may_be_disabled(tree: Tree, tmp_path: Path) -> None:
    host = Asker(tree, downloads=False)
    (tmp_path / DOWNLOADS).mkdir()
    handle = host.open(f"\\{DOWNLOADS}\\file", asking.CREATE, access=asking.WRITE)
    host.write(handle, b"content")
    host.close(handle)
    (tmp_path / "file").touch()
    moved = host.open("\\file")
    host.set(moved, information.RENAME, asking.rename(f"\\{DOWNLOADS}\\other"))
    assert (tmp_path / DOWNLOADS / "other").exists()
    end(host.drive)


# ---- directories


def test_listing(host: Asker, tmp_path: Path) -> None:
    for name in ("a.txt", "B.TXT", "c", "back\\slash"):
        (tmp_path / name).touch()
    (tmp_path / "dir").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    shown = {".", "..", "a.txt", "B.TXT", "c", "dir", DOWNLOADS, "\udcff"}
    assert set(host.names("", "*")) == shown
    assert set(host.names("", "*.txt")) == {"a.txt", "B.TXT"}
    assert host.names("\\", "c") == ["c"]
    assert host.names("\\", "none*") == []
    assert host.open("\\\udcff")


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (information.DIRECTORY, 64),
        (information.FULL_DIRECTORY, 68),
        (information.BOTH_DIRECTORY, 93),
    ],
)
def test_entries(kind: int, size: int, host: Asker, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    handle, body = host.open("\\"), asking.listing(kind, "\\file")
    content = host.done(Function.DIRECTORY, body, handle, minor=asking.QUERY_DIRECTORY)[4:]
    raw = "file".encode("utf-16-le")
    assert content[size:] == raw
    following, index, _, _, written, _, end, _, attributes, length = struct.unpack_from(
        "<IIqqqqQQII", content
    )
    assert (following, index, end, attributes, length) == (0, 0, 5, 0x80, len(raw))
    assert written / 10**7 - EPOCH == pytest.approx((tmp_path / "file").stat().st_mtime)


def test_names_that_are_listed_have_a_limit(
    host: Asker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drives, "ENTRIES_MAX", 8)
    for name in "abc":
        (tmp_path / name).touch()
    body, minor = asking.listing(information.NAMES, "\\*"), asking.QUERY_DIRECTORY
    handles = [host.open("\\") for _ in range(2)]  # which makes another directory
    host.done(Function.DIRECTORY, body, handles[0], minor)
    status, _ = host.ask(Function.DIRECTORY, body, handles[1], minor)
    assert status is Status.INSUFFICIENT_RESOURCES
    host.close(handles[0])
    host.done(Function.DIRECTORY, body, handles[1], minor)


# ---- locks


def test_locks(host: Asker, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    other = Asker(tree)
    access = asking.READ | asking.WRITE
    mine, others = host.open("\\file", access=access), other.open("\\file", access=access)
    host.done(Function.LOCK, asking.lock(3, (10, 0), (10, 100)), mine)
    for operation, part, granted in (
        (2, (1, 5), False), (3, (1, 109), False), (3, (1, 50), True), (2, (1, 2**63), True),
        (3, (0, 5), True),
    ):  # fmt: skip
        status, _ = other.ask(Function.LOCK, asking.lock(operation, part), others)
        assert status is (Status.SUCCESS if granted else Status.LOCK_NOT_GRANTED)
    host.done(Function.LOCK, asking.lock(4, (10, 0)), mine)
    other.done(Function.LOCK, asking.lock(3, (10, 0)), others)
    host.close(mine)
    other.done(Function.LOCK, asking.lock(3, (2**64 - 1, 100)), others)
    end(other.drive)


def test_a_file_that_is_only_read_can_be_locked(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    handle = host.open("\\file")
    host.done(Function.LOCK, asking.lock(3, (1, 0)), handle)


def test_each_use_of_a_file_is_reported_once(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"0123456789")
    (tmp_path / "unread").touch()
    host.close(host.open("\\unread"))
    handle = host.open("\\old")
    for offset in (0, 4, 8):
        host.read(handle, 4, offset)
    host.close(handle)
    handle = host.open("\\new", asking.CREATE, access=asking.WRITE)
    for _ in range(3):
        host.write(handle, b"ab")
    host.set(handle, information.RENAME, asking.rename("\\other"))
    host.close(handle)
    host.close(host.open("\\empty", asking.CREATE))
    host.close(host.open("\\made", asking.CREATE, options=asking.DIRECTORY))
    host.close(host.open("\\made", options=asking.DIRECTORY))
    handle = host.open("\\other")
    host.set(handle, information.DISPOSITION, b"\1")
    host.close(handle)
    assert host.uses == [
        ("read", "old", 10, ""),
        ("renamed", "new", None, "other"),
        ("written", "other", 6, ""),
        ("written", "empty", 0, ""),
        ("created", "made", None, ""),
        ("deleted", "other", None, ""),
    ]


def test_uses_of_files_that_are_left_open_are_reported(host: Asker, tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"0123456789")
    host.read(host.open("\\old"), 4)
    host.drive.forget(for_good=True)
    host.drive.close_forgotten()
    assert host.uses == [("read", "old", 4, "")]
