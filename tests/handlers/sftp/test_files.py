"""The files of a real OpenSSH server, as `FileSystem`."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import stat
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from guacr.api import (
    BadRequestError,
    ConflictError,
    Entry,
    Feature,
    ForbiddenError,
    GuacrError,
    NotFoundError,
    OverrunError,
    UpstreamError,
)
from handlers.sftp.destination import part_of
from handlers.sftp.files import SftpFiles
from handlers.sftp.pace import BLOCK
from tests.support.openssh import OpenSsh
from tests.support.sftp import content, listed, pieces, sftp_files
from tests.support.waiting import until

SOME = random.Random(1).randbytes(3 * BLOCK + 17)
BINARY = "application/octet-stream"


def names_in(folder: Path) -> set[str]:
    """The names in a directory."""
    return {path.name for path in folder.iterdir()}


def fill(folder: Path, count: int) -> None:
    """Create empty files."""
    for number in range(count):
        (folder / f"{number}").touch()


def give(path: Path, owner: Path) -> None:
    """Make the owner of a directory that of a path, too."""
    os.chown(path, owner.stat().st_uid, -1)


def exists(path: Path) -> bool:
    """Whether there is something, if only a link."""
    return os.path.lexists(path)


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """A disk of 64 KiB at a path."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "guacr", str(path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a disk takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)  # a server may look at it


async def test_entries_have_sizes_and_dates_and_links_are_what_they_lead_to(
    files: SftpFiles, folder: Path
) -> None:
    (folder / "a file").write_bytes(b"abc")
    os.utime(folder / "a file", (1_000_000_000, 1_234_567_890))
    (folder / "directory").mkdir()
    (folder / "to directory").symlink_to("directory")
    (folder / "to file").symlink_to("a file")
    (folder / "to nothing").symlink_to("nothing")
    found = await listed(files, "/")
    assert found["a file"] == Entry("a file", False, 3, 1_234_567_890)
    assert found["directory"].is_directory
    assert found["directory"].size is None
    assert found["to directory"].is_directory
    assert found["to file"] == Entry("to file", False, 3, 1_234_567_890)
    assert found["to nothing"] == Entry("to nothing")
    assert await files.stat("/a file") == found["a file"]
    assert (await files.stat("/")).is_directory


async def test_many_entries_are_listed_completely(files: SftpFiles, folder: Path) -> None:
    await asyncio.to_thread(fill, folder, 1000)
    assert len(await listed(files, "/")) == 1000


async def test_names_of_every_kind_lead_to_their_files(files: SftpFiles, folder: Path) -> None:
    raw = [
        "größe ✓ \u202egnp.exe".encode(),
        b"line\nfeed \x1b[31m",
        b"latin-1 \xfc\xff",
        "private \uef80 use".encode(),
        b"<script>",
        b" ",
        b"..." * 80,
        b"\\back",
    ]
    for number, encoded in enumerate(raw):
        (folder / os.fsdecode(encoded)).write_text(str(number))
    found = await listed(files, "/")
    assert len(found) == len(raw)
    assert "größe ✓ \u202egnp.exe" in found
    read = [await content(files, f"/{name}") for name in found]
    assert sorted(read) == [str(number).encode() for number in range(len(raw))]
    for name in found:
        await files.rename(f"/{name}", f"/{name}.old")
        await files.delete(f"/{name}.old")
    assert not names_in(folder)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, len(SOME)])
async def test_files_of_every_size_come_and_go(files: SftpFiles, folder: Path, size: int) -> None:
    data = SOME[:size]
    blobs = [data[start : start + 6048] for start in range(0, size, 6048)]
    await files.write("/new", BINARY, pieces(*blobs))
    assert (folder / "new").read_bytes() == data
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o600
    assert await content(files, "/new") == data


@pytest.mark.parametrize("offset", [1, BLOCK, len(SOME), len(SOME) + 1])
async def test_a_download_continues_at_any_byte(
    files: SftpFiles, folder: Path, offset: int
) -> None:
    (folder / "file").write_bytes(SOME)
    assert await content(files, "/file", offset) == SOME[offset:]


async def test_a_file_is_replaced_and_keeps_its_permissions(
    files: SftpFiles, folder: Path, server: OpenSsh
) -> None:
    for name in ("file", "other"):
        (folder / name).write_bytes(SOME)
        os.chmod(folder / name, 0o640)  # noqa: PTH101
        give(folder / name, folder)
    (folder / "link").symlink_to("other")
    await files.write("/file", BINARY, pieces(b"short"))
    await files.write("/link", BINARY, pieces(b"through a link"))
    assert (folder / "file").read_bytes() == b"short"
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o640
    assert (folder / "other").read_bytes() == b"through a link"


async def test_an_upload_that_was_cancelled_can_be_continued(
    files: SftpFiles, folder: Path
) -> None:
    arrived = asyncio.Event()

    async def stopping() -> AsyncIterator[bytes]:
        yield SOME[: 2 * BLOCK]
        arrived.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(files.write("/file", BINARY, stopping()))
    await arrived.wait()
    upload.cancel()
    await asyncio.wait([upload])
    kept = (await files.stat("/file")).size
    assert kept == 2 * BLOCK
    with pytest.raises(ConflictError, match="has 65536 bytes, and not 65537"):
        await files.write("/file", BINARY, pieces(b"x"), kept + 1)
    await files.write("/file", BINARY, pieces(SOME[kept:]), kept)
    assert (folder / "file").read_bytes() == SOME
    await files.write("/file", BINARY, pieces(b"end"), 5)
    assert (folder / "file").read_bytes() == SOME[:5] + b"end"


async def test_an_upload_that_fails_is_removed(files: SftpFiles, folder: Path) -> None:
    with pytest.raises(BadRequestError):
        await files.write("/file", BINARY, failing(SOME))
    assert not (folder / "file").exists()


async def failing(data: bytes) -> AsyncIterator[bytes]:
    """An upload that its user cancels."""
    yield data
    raise BadRequestError("the client has stopped")


async def leave(files: SftpFiles, data: bytes) -> None:
    """Begin an upload of a file, and leave."""
    arrived = asyncio.Event()

    async def stopping() -> AsyncIterator[bytes]:
        yield data
        arrived.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(files.write("/file", BINARY, stopping()))
    await arrived.wait()
    upload.cancel()
    await asyncio.wait([upload])


@pytest.fixture
def old(folder: Path) -> Path:
    """A file of the user's that can be replaced."""
    path = folder / "file"
    path.write_bytes(b"old" * BLOCK)
    path.chmod(0o640)
    shutil.chown(path, path.parent.owner(), path.parent.owner())
    return path


@pytest.mark.usefixtures("old")
async def test_a_file_stays_as_it_is_if_its_replacement_fails(
    files: SftpFiles, folder: Path
) -> None:
    with pytest.raises(BadRequestError):
        await files.write("/file", BINARY, failing(SOME))
    assert (folder / "file").read_bytes() == b"old" * BLOCK
    assert names_in(folder) == {"file"}


@pytest.mark.usefixtures("old")
async def test_a_replacement_is_continued(files: SftpFiles, folder: Path) -> None:
    await leave(files, SOME[: 2 * BLOCK])
    assert (folder / "file").read_bytes() == b"old" * BLOCK
    with pytest.raises(ConflictError, match="has 65536 bytes, and not 65537"):
        await files.write("/file", BINARY, pieces(b"x"), 2 * BLOCK + 1)
    await files.write("/file", BINARY, pieces(SOME[BLOCK:]), BLOCK)
    assert (folder / "file").read_bytes() == SOME
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o640
    assert names_in(folder) == {"file"}


@pytest.mark.usefixtures("old")
async def test_what_is_left_of_a_replacement_is_not_continued_by_another_upload(
    files: SftpFiles, folder: Path
) -> None:
    await leave(files, b"x" * (2 * BLOCK))
    await files.delete("/file")
    await leave(files, SOME[:BLOCK])
    await files.write("/file", BINARY, pieces(SOME[BLOCK:]), BLOCK)
    assert (folder / "file").read_bytes() == SOME
    assert names_in(folder) == {"file"}


@pytest.mark.usefixtures("old")
async def test_a_replacement_starts_over(files: SftpFiles, folder: Path) -> None:
    await leave(files, SOME)
    await files.write("/file", BINARY, pieces(b"new"))
    assert (folder / "file").read_bytes() == b"new"
    assert names_in(folder) == {"file"}


@pytest.mark.usefixtures("old")
async def test_what_somebody_else_has_put_beside_a_file_is_not_written_to(
    files: SftpFiles, folder: Path
) -> None:
    (folder / "other").write_bytes(b"other")
    part = Path(os.fsdecode(part_of(os.fsencode(folder / "file"))))
    (folder / part).symlink_to("other")
    await files.write("/file", BINARY, pieces(b"new"))
    (folder / part).symlink_to("other")
    await files.write("/file", BINARY, pieces(b"er"), 3)
    assert ((folder / "file").read_bytes(), (folder / "other").read_bytes()) == (b"newer", b"other")


@pytest.mark.parametrize("reason", ["server", "owner", "directory"])
@pytest.mark.usefixtures("old")
async def test_files_that_cannot_be_replaced_are_overwritten(
    files: SftpFiles, folder: Path, reason: str
) -> None:
    (await files.open()).replaces = reason != "server"
    if reason == "owner":
        (folder / "file").chmod(0o666)
        os.chown(folder / "file", 0, 0)
    elif reason == "directory":
        os.chown(folder, 0, 0)
        os.chmod(folder, 0o755)  # noqa: PTH101
    before = (folder / "file").stat().st_ino
    await files.write("/file", BINARY, pieces(b"new"))
    assert ((folder / "file").read_bytes(), (folder / "file").stat().st_ino) == (b"new", before)
    assert names_in(folder) == {"file"}


async def test_directories_are_made_and_deleted_and_links_are_not_followed(
    files: SftpFiles, folder: Path
) -> None:
    (folder / "kept").write_text("kept")
    await files.make_directory("/a")
    await files.make_directory("/a/b")
    await files.write("/a/b/c", BINARY, pieces(b"c"))
    (folder / "a/b/link").symlink_to("../../kept")
    (folder / "a/all").symlink_to("..")
    await files.delete("/a")
    assert names_in(folder) == {"kept"}
    (folder / "link").symlink_to("kept")
    await files.delete("/link")
    assert names_in(folder) == {"kept"}


async def test_too_large_a_tree_is_not_touched(
    files: SftpFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.sftp.trees.TREE_MAX", 5)
    (folder / "a/b").mkdir(parents=True)
    for number in range(4):
        (folder / f"a/b/{number}").touch()
    with pytest.raises(OverrunError, match="more than 5 files and folders"):
        await files.delete("/a")
    assert len(list((folder / "a/b").iterdir())) == 4
    (folder / "a/b/3").unlink()
    for path in (folder / "a", folder / "a/b"):
        give(path, folder)
    await files.delete("/a")
    assert not (folder / "a").exists()


async def test_nothing_is_replaced_by_a_new_name(files: SftpFiles, folder: Path) -> None:
    (folder / "a").write_text("a")
    (folder / "b").write_text("b")
    (folder / "link").symlink_to("nothing")
    for name in ("/b", "/link"):
        with pytest.raises(ConflictError, match="exists already"):
            await files.rename("/a", name)
        with pytest.raises(ConflictError, match="exists already"):
            await files.make_directory(name)
    await files.rename("/a", "/c")
    assert (folder / "c").read_text() == "a"
    with pytest.raises(ConflictError, match="is a folder"):
        await files.write("/", BINARY, pieces(b""))


async def test_what_does_not_exist_or_is_forbidden_is_an_error_of_its_kind(
    files: SftpFiles, folder: Path, server: OpenSsh, key: str
) -> None:
    for work in (
        files.stat("/no"),
        content(files, "/no"),
        listed(files, "/no"),
        files.write("/no/file", BINARY, pieces(b"")),
        files.make_directory("/no/directory"),
        files.rename("/no", "/other"),
        files.delete("/no"),
    ):
        with pytest.raises(NotFoundError, match=r"'/no.* does not exist"):
            await work
    secret = folder / "secret"
    secret.touch(0o000)
    os.chown(folder, 0, 0)
    for work in (content(files, "/secret"), files.write("/new", BINARY, pieces(b""))):
        with pytest.raises(ForbiddenError, match="check its permissions"):
            await work
    with pytest.raises(ForbiddenError, match="itself cannot be deleted"):
        await files.delete("/")


async def test_pipes_and_devices_are_refused_at_once(
    files: SftpFiles, folder: Path, server: OpenSsh, key: str
) -> None:
    os.mkfifo(folder / "pipe", 0o666)
    async with asyncio.timeout(5):
        for work in (content(files, "/pipe"), files.write("/pipe", BINARY, pieces(b""))):
            with pytest.raises(ForbiddenError, match="a named pipe, not a file"):
                await work
        async with sftp_files(server.address, server.user, key) as everything:
            with pytest.raises(ForbiddenError, match="a device"):
                await content(everything, "/dev/zero")


async def test_files_without_a_size_are_read_to_their_end(server: OpenSsh, key: str) -> None:
    async with sftp_files(server.address, server.user, key) as files:
        assert b"processor" in await content(files, "/proc/cpuinfo")
        assert await content(files, "/proc/self/cmdline") != b""


async def test_links_do_not_lead_out_of_the_offered_directory(
    files: SftpFiles, folder: Path
) -> None:
    (folder / "etc").symlink_to("/etc")
    (folder / "hosts").symlink_to("/etc/hosts")
    (folder / "new").symlink_to(f"{folder}-outside")
    (folder / "inside").mkdir()
    (folder / "allowed").symlink_to(folder / "inside")
    beside = folder.with_name(f"{folder.name}-beside")
    (folder / "beside").symlink_to(beside)
    beside.mkdir()
    try:
        for work in (
            files.stat("/etc"),
            listed(files, "/etc"),
            listed(files, "/beside"),
            content(files, "/hosts"),
            content(files, "/etc/hosts"),
            files.write("/hosts", BINARY, pieces(b"")),
            files.write("/beside/new", BINARY, pieces(b"")),
            files.make_directory("/beside/new"),
            files.rename("/inside", "/beside/inside"),
            files.delete("/etc/hosts"),
        ):
            with pytest.raises(ForbiddenError, match="leads out of the offered folder"):
                await work
        with pytest.raises(GuacrError):
            await files.write("/new", BINARY, pieces(b"x"))
        assert not exists(Path(f"{folder}-outside"))
        assert await listed(files, "/allowed") == {}
    finally:
        beside.rmdir()


async def test_a_root_that_is_not_absolute_is_in_the_home(
    server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "file").touch()
    async with sftp_files(server.address, server.user, key, root=folder.name) as files:
        assert list(await listed(files, "/")) == ["file"]
    for root, sentence in (("no", "does not exist"), (f"{folder.name}/file", "is not a folder")):
        async with sftp_files(server.address, server.user, key, root=root) as files:
            with pytest.raises(NotFoundError, match=sentence):
                await files.stat("/")


async def test_a_chroot_of_the_host_is_the_root(server: OpenSsh, key: str) -> None:
    if os.geteuid():
        pytest.skip("a chroot takes root")
    cell = Path(mkdtemp(dir="/run"))  # where nobody else may write
    os.chmod(cell, 0o755)  # noqa: PTH101
    (cell / "file").write_bytes(b"inside")
    lines = ("Subsystem sftp internal-sftp", "ForceCommand internal-sftp")
    try:
        with server.variant(*lines, f"ChrootDirectory {cell}") as address:
            async with sftp_files(address, server.user, key) as files:
                assert set(await listed(files, "/")) == {"file"}
                assert await content(files, "/file") == b"inside"
                with pytest.raises(NotFoundError):
                    await files.stat("/etc")
    finally:
        shutil.rmtree(cell)


async def test_what_parameters_disable_is_no_feature(server: OpenSsh, key: str) -> None:
    async with sftp_files(server.address, server.user, key, may_write=False) as files:
        assert files.features == {Feature.READ}
    async with sftp_files(server.address, server.user, key, may_read=False) as files:
        assert files.features == set(Feature) - {Feature.READ}


async def test_a_full_disk_is_an_error_and_nothing_remains(files: SftpFiles, folder: Path) -> None:
    (folder / "disk").mkdir()
    with small_disk(folder / "disk"):
        with pytest.raises(UpstreamError, match="its disk may be full, or a quota exceeded"):
            await files.write("/disk/file", BINARY, pieces(*[SOME] * 4))
        assert await listed(files, "/disk") == {}


async def test_a_lost_connection_is_an_error_and_another_channel_is_opened(
    files: SftpFiles, folder: Path
) -> None:
    (folder / "file").write_bytes(SOME * 20)
    reading = files.read("/file")
    await anext(reading)
    (await files.open()).close()
    with pytest.raises(UpstreamError, match="has ended: try again"):
        async for _ in reading:
            pass
    assert len(await content(files, "/file")) == 20 * len(SOME)


async def test_transfers_share_what_may_be_under_way(files: SftpFiles, folder: Path) -> None:
    (folder / "file").write_bytes(SOME * 20)
    channel = await files.open()
    readings = [files.read("/file") for _ in range(8)]
    for reading in readings:
        await anext(reading)
    await until(lambda: not channel._pending, "answers to all that was requested")
    assert files._pace.share == 16
    for reading in readings:
        await reading.aclose()
    assert files._pace._transfers == 0
