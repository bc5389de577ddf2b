"""The files of a drive as users see them."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from guacr.api import (
    BadRequestError,
    BusyError,
    ConflictError,
    Entry,
    Feature,
    FileSystem,
    ForbiddenError,
    GuacrError,
    NotFoundError,
    OverrunError,
)
from handlers.rdp.devices import folder as folders
from handlers.rdp.devices.destination import part_of
from handlers.rdp.devices.folder import Folder
from handlers.rdp.devices.tree import Limits
from tests.handlers.rdp.devices.test_tree import inside, tree_of


class Place(SimpleNamespace):
    """A folder, its directory, and how often it has changed."""

    folder: FileSystem
    path: Path
    changes: int


def place_of(path: Path, limits: Limits | None = None) -> Place:
    place = Place(path=path, changes=0)
    tree = tree_of(path, *filter(None, (limits,)))

    def note() -> None:
        place.changes += 1

    place.tree = tree
    place.folder = Folder(tree, "Drive", note, may_read=True, may_write=True)
    return place


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = place_of(tmp_path)
    yield made
    made.tree.close()


async def pieces(*data: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece
    if error is not None:
        raise error


async def content(place: Place, path: str, offset: int = 0) -> bytes:
    return b"".join([piece async for piece in place.folder.read(path, offset)])


async def names(place: Place, path: str = "/") -> dict[str, Entry]:
    return {entry.name: entry async for entry in place.folder.list(path)}


async def test_listing(place: Place) -> None:
    for name in ("a ü😀\n<b>", "..x", "back\\slash"):
        (place.path / name).write_bytes(b"123")
    (place.path / "dir").mkdir()
    (place.path / "link").symlink_to("/etc/passwd")
    (place.path / os.fsdecode(b"\xff")).touch()
    os.utime(place.path / "dir", (5, 7.5))
    found = await names(place)
    assert set(found) == {"a ü😀\n<b>", "..x", "back\\slash", "dir", "\uefff"}
    assert (await place.folder.stat("/\uefff")).size == 0
    await place.folder.delete("/\uefff")
    assert os.fsdecode(b"\xff") not in inside(place.path)
    assert found["dir"] == Entry("dir", is_directory=True, modified=7.5)
    assert found["..x"].size == 3
    assert await place.folder.stat("/dir") == found["dir"]
    assert (await place.folder.stat("/")).is_directory


async def test_large_directories(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(600):
        (place.path / str(number)).touch()
    assert len(await names(place)) == 600
    monkeypatch.setattr(folders, "ENTRIES_MAX", 599)
    with pytest.raises(OverrunError, match="too many files to list"):
        await names(place)


async def test_reading(place: Place) -> None:
    data = os.urandom(200_000)
    (place.path / "file").write_bytes(data)
    assert await content(place, "/file") == data
    assert await content(place, "/file", 150_000) == data[150_000:]
    assert await content(place, "/file", 300_000) == b""


async def test_writing(place: Place) -> None:
    await place.folder.write("/new", "", pieces(b"one", b"two"))
    assert (place.path / "new").read_bytes() == b"onetwo"
    await place.folder.write("/new", "", pieces(b"3"))
    assert (place.path / "new").read_bytes() == b"3"
    assert place.changes == 2


async def test_resuming(place: Place) -> None:
    await place.folder.write("/new", "", pieces(b"0123456789"))
    await place.folder.write("/new", "", pieces(b"ab"), 4)
    assert (place.path / "new").read_bytes() == b"0123ab"
    with pytest.raises(ConflictError, match="shorter"):
        await place.folder.write("/new", "", pieces(b"ab"), 7)
    assert (place.path / "new").read_bytes() == b"0123ab"
    with pytest.raises(NotFoundError):
        await place.folder.write("/other", "", pieces(b"ab"), 1)


async def test_a_failed_upload_leaves_nothing(place: Place) -> None:
    with pytest.raises(ForbiddenError, match="cancelled"):
        await place.folder.write("/new", "", pieces(b"one", error=ForbiddenError("cancelled")))
    assert inside(place.path) == set()
    assert place.changes == 1


async def leave(place: Place, data: bytes) -> None:
    """Begin an upload of a file, and leave."""
    arrived = asyncio.Event()

    async def stopping() -> AsyncIterator[bytes]:
        yield data
        arrived.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(place.folder.write("/file", "", stopping()))
    await arrived.wait()
    upload.cancel()
    await asyncio.wait([upload])


async def test_a_file_stays_as_it_is_if_its_replacement_fails(place: Place) -> None:
    (place.path / "file").write_bytes(b"old")
    (place.path / "file").chmod(0o604)
    with pytest.raises(ForbiddenError, match="cancelled"):
        await place.folder.write("/file", "", pieces(b"new", error=ForbiddenError("cancelled")))
    assert (place.path / "file").read_bytes() == b"old"
    await place.folder.write("/file", "", pieces(b"new"))
    assert (place.path / "file").read_bytes() == b"new"
    assert stat.S_IMODE((place.path / "file").stat().st_mode) == 0o604
    assert inside(place.path) == {"file"}


async def test_a_replacement_is_continued_or_starts_over(place: Place) -> None:
    (place.path / "file").write_bytes(b"old")
    for offset in (4, 0):
        await leave(place, b"012345")
        assert (place.path / "file").read_bytes() != b"012345"
        with pytest.raises(ConflictError, match="shorter"):
            await place.folder.write("/file", "", pieces(b"x"), 7)
        await place.folder.write("/file", "", pieces(b"ab"), offset)
        assert (place.path / "file").read_bytes() == b"012345"[:offset] + b"ab"
        assert inside(place.path) == {"file"}


async def test_what_is_left_of_a_replacement_is_not_continued_by_another_upload(
    place: Place,
) -> None:
    (place.path / "file").write_bytes(b"old")
    await leave(place, b"xxxxxx")
    await place.folder.delete("/file")
    await leave(place, b"0123")
    await place.folder.write("/file", "", pieces(b"4"), 4)
    assert (place.path / "file").read_bytes() == b"01234"
    assert inside(place.path) == {"file"}


@pytest.mark.parametrize("reason", ["link", "owner", "other"])
async def test_files_that_cannot_be_replaced_are_overwritten(place: Place, reason: str) -> None:
    (place.path / "file").write_bytes(b"old")
    others = {"file"}
    if reason == "link":
        (place.path / "second").hardlink_to(place.path / "file")
        others.add("second")
    elif reason == "owner":
        os.chown(place.path / "file", 12345, -1)
    else:  # somebody has put a link where the new file would be
        part = part_of(("file",))[0]
        (place.path / part).symlink_to("/etc/passwd")
        others.add(part)
    before = (place.path / "file").stat().st_ino
    await place.folder.write("/file", "", pieces(b"new"))
    found = (place.path / "file").stat().st_ino
    assert ((place.path / "file").read_bytes(), found) == (b"new", before)
    assert {path.name for path in (place.path).iterdir()} == others


async def test_uploads_have_a_limit(tmp_path: Path) -> None:
    place = place_of(tmp_path, Limits(4, 0))
    await place.folder.write("/new", "", pieces(b"1234"))
    with pytest.raises(OverrunError, match=r"rdp\.max_drive_file"):
        await place.folder.write("/other", "", pieces(b"1234", b"5"))
    assert inside(tmp_path) == {"new"}
    place.tree.close()


async def test_a_full_disk(tmp_path: Path) -> None:
    place = place_of(tmp_path, Limits(1 << 30, 1 << 50))
    with pytest.raises(BusyError, match="the drive is full"):
        await place.folder.write("/new", "", pieces(b"1234"))
    assert inside(tmp_path) == set()
    place.tree.close()


async def test_directories(place: Place) -> None:
    await place.folder.make_directory("/dir")
    with pytest.raises(ConflictError, match="exists already"):
        await place.folder.make_directory("/dir")
    await place.folder.write("/dir/file", "", pieces(b"x"))
    await place.folder.rename("/dir/file", "/moved")
    await place.folder.write("/dir/file", "", pieces(b"y"))
    with pytest.raises(ConflictError, match="exists already"):
        await place.folder.rename("/dir/file", "/moved")
    with pytest.raises(ConflictError, match="itself"):
        await place.folder.rename("/dir", "/dir/below")
    await place.folder.delete("/dir")
    assert inside(place.path) == {"moved"}
    await place.folder.delete("/moved")
    assert inside(place.path) == set()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/gone", NotFoundError),
        ("/link", (NotFoundError, ForbiddenError)),
        ("/file/below", NotFoundError),
        ("/link/passwd", NotFoundError),
        ("/" + "x" * 256, BadRequestError),
    ],
)
async def test_what_is_not_there(
    path: str, kind: type[GuacrError] | tuple[type[GuacrError]], place: Place
) -> None:
    (place.path / "link").symlink_to("/etc")
    (place.path / "file").touch()
    works = (
        lambda: place.folder.stat(path),
        lambda: content(place, path),
        lambda: names(place, path),
    )
    for work in works:
        with pytest.raises(kind) as raised:
            await work()
        assert str(place.path) not in str(raised.value)


async def test_the_root_stays(place: Place) -> None:
    for work in (
        place.folder.delete("/"),
        place.folder.rename("/", "/x"),
        place.folder.write("/", "", pieces(b"x")),
    ):
        with pytest.raises(GuacrError):
            await work


@pytest.mark.parametrize("may_write", [True, False])
async def test_rights(may_write: bool, place: Place) -> None:
    folder = Folder(place.tree, "Drive", lambda: None, may_read=not may_write, may_write=may_write)
    assert (Feature.READ in folder.features) is not may_write
    (place.path / "file").write_bytes(b"x")
    refused = anext(folder.read("/file")) if may_write else folder.write("/file", "", pieces(b"y"))
    with pytest.raises(ForbiddenError):
        await refused
    assert (place.path / "file").read_bytes() == b"x"
