"""The files of a container, whose programs are GNU's or busybox's."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guacr.api import (
    ConflictError,
    Entry,
    Feature,
    ForbiddenError,
    GuacrError,
    NotFoundError,
    OverrunError,
    UnsupportedError,
    UpstreamError,
)
from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.kubernetes import execution, files, request, websocket
from handlers.kubernetes.execution import Programs
from handlers.kubernetes.files import ContainerFiles
from handlers.kubernetes.params import KubernetesParams
from handlers.sftp.names import Names
from tests.support.file_desk import file_system, get, send
from tests.support.freed import freed
from tests.support.kube_api import KubeApi, kube_api
from tests.support.require import missing
from tests.support.sftp import content, listed, pieces
from tests.support.ssh_desk import desk
from tests.support.waiting import until

BINARY = "application/octet-stream"
TOOLS = ("cat", "chmod", "chown", "dd", "mkdir", "mv", "readlink", "rm", "sh", "stat", "tail")
"""The programs of a small container."""


def container(path: Path, tools: tuple[str, ...], busybox: bool) -> KubeApi:
    """A container whose programs are in a directory."""
    binary = shutil.which("busybox")
    if busybox and binary is None:
        missing("busybox is not installed")
    path.mkdir()
    for tool in tools:
        found = binary if busybox else shutil.which("dash" if tool == "sh" else tool)
        assert found is not None
        (path / tool).symlink_to(found)
    return KubeApi(tools=str(path))


def names_in(folder: Path) -> list[str]:
    """The names in a directory."""
    return sorted(path.name for path in folder.iterdir())


def files_of(api: KubeApi, values: dict[str, str], root: str, **rights: bool) -> ContainerFiles:
    """The files of a container below a directory."""
    params = KubernetesParams(hostname=values["hostname"], port=int(values["port"]), pod="web")

    async def run(words, has_input, on_blocked):  # type: ignore[no-untyped-def]
        target = websocket.Target(
            address=request.files_address(params, "", words, has_input=has_input),
            host=params.hostname,
            port=params.port,
            addresses=("127.0.0.1",),
            server_name="",
            tls=None,
            token="",
            timeout=10,
        )
        return await websocket.connect(target, on_blocked)

    may = {"may_read": True, "may_write": True} | rights
    return ContainerFiles(Programs(run), root, Names(), **may)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The directory that is offered."""
    path = tmp_path / "offered"
    path.mkdir()
    return path


@pytest.fixture(params=["v5, GNU", "v4, busybox"])
async def offered(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path
) -> AsyncIterator[ContainerFiles]:
    """The files of two kinds of containers."""
    version, kind = request.param.split(", ")
    api = container(tmp_path / "bin", TOOLS, kind == "busybox")
    api.subprotocols = (f"{version}.channel.k8s.io",)
    async with kube_api(api) as values:
        yield files_of(api, values, str(folder))


async def test_files_have_sizes_and_dates_and_links_are_what_they_lead_to(
    offered: ContainerFiles, folder: Path
) -> None:
    (folder / "a file").write_bytes(b"abc")
    os.utime(folder / "a file", (1_000_000_000, 1_234_567_890))
    (folder / "directory").mkdir()
    (folder / "to directory").symlink_to("directory")
    (folder / "to file").symlink_to("a file")
    (folder / "to nothing").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    await offered.prepare()
    found = await listed(offered, "/")
    assert len(found) == 6
    assert found["a file"] == Entry("a file", False, 3, 1_234_567_890)
    assert found["directory"].is_directory
    assert found["directory"].size is None
    assert found["to directory"].is_directory
    assert found["to file"] == Entry("to file", False, 3, 1_234_567_890)
    assert found["to nothing"] == Entry("to nothing")
    assert found["pipe"].size is None
    assert await offered.stat("/a file") == found["a file"]
    assert await offered.stat("/to file") == found["to file"]
    assert (await offered.stat("/")).is_directory
    assert await listed(offered, "/to directory") == {}


async def test_names_of_every_kind_are_arguments_and_nothing_else(
    offered: ContainerFiles, folder: Path
) -> None:
    raw = [
        "größe ✓ \u202egnp".encode(),
        b"line\nfeed \x1b[31m",
        b"81a4 5 1 x\n81a4 5 1 y",
        b"ends with a line feed\n",
        b"\xfc\xff",
        b"$(touch pwned)`touch pwned`;touch pwned",
        b"'\"&|<>",
        b"*",
        b"-rf",
        b"--",
        b"\\0101\\c",
        b".hidden",
        b"..two",
        b" ",
    ]
    for number, encoded in enumerate(raw):
        (folder / os.fsdecode(encoded)).write_text(str(number))
    found = await listed(offered, "/")
    assert sorted(map(os.fsencode, names_in(folder))) == sorted(raw)
    assert len(found) == len(raw)
    assert all(entry.size for entry in found.values())
    read = [await content(offered, f"/{name}") for name in found]
    assert sorted(read) == sorted(str(number).encode() for number in range(len(raw)))
    await offered.make_directory("/$x\n")
    for name in found:
        await offered.rename(f"/{name}", f"/$x\n/{name}")
        await offered.write(f"/$x\n/{name}", BINARY, pieces(b"new"))
    assert set(await listed(offered, "/$x\n")) == set(found)
    await offered.delete("/$x\n")
    assert not names_in(folder)


async def test_files_of_every_size_come_and_go(offered: ContainerFiles, folder: Path) -> None:
    for size in (0, 1, 512, 100_001, 3_000_000):
        data = os.urandom(size)
        blobs = [data[start : start + 200_000] for start in range(0, size, 200_000)]
        await offered.write("/new", BINARY, pieces(*blobs))
        assert (folder / "new").read_bytes() == data
        assert await content(offered, "/new") == data
        assert await content(offered, "/new", size // 2) == data[size // 2 :]
    assert await content(offered, "/new", 3_000_001) == b""
    assert names_in(folder) == ["new"]
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o600


async def test_a_replaced_file_keeps_its_permissions_and_links_stay(
    offered: ContainerFiles, folder: Path
) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_bytes(b"old")
    (folder / "deep" / "file").chmod(0o640)
    (folder / "link").symlink_to("deep/file")
    await offered.write("/link", BINARY, pieces(b"new"))
    assert (folder / "link").is_symlink()
    assert (folder / "deep" / "file").read_bytes() == b"new"
    assert stat.S_IMODE((folder / "deep" / "file").stat().st_mode) == 0o640


async def test_an_upload_that_fails_leaves_what_was_there(
    offered: ContainerFiles, folder: Path
) -> None:
    (folder / "file").write_bytes(b"old")

    async def cut_off() -> AsyncIterator[bytes]:
        yield b"new" * 1000
        raise ForbiddenError("cancelled")

    with pytest.raises(ForbiddenError, match="cancelled"):
        await offered.write("/file", BINARY, cut_off())
    assert names_in(folder) == ["file"]
    assert (folder / "file").read_bytes() == b"old"


async def test_an_upload_whose_user_leaves_is_removed(
    offered: ContainerFiles, folder: Path
) -> None:
    async def pausing() -> AsyncIterator[bytes]:
        yield b"new"
        await asyncio.Event().wait()

    upload = asyncio.create_task(offered.write("/file", BINARY, pausing()))
    await until(lambda: any(path.stat().st_size for path in folder.iterdir()), "a piece")
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert not names_in(folder)


@pytest.mark.parametrize(
    ("operation", "arguments", "error", "sentence"),
    [
        ("stat", ("/none",), NotFoundError, "'/none' does not exist"),
        ("stat", ("/none/x",), NotFoundError, "does not exist"),
        ("stat", ("/file/x",), NotFoundError, "is in no folder"),
        ("stat", ("/out/passwd",), ForbiddenError, "leads out of the offered folder"),
        ("stat", ("/to out",), ForbiddenError, "leads out of the offered folder"),
        ("make_directory", ("/file",), ConflictError, "exists already"),
        ("make_directory", ("/out/x",), ForbiddenError, "leads out of the offered folder"),
        ("rename", ("/file", "/folder"), ConflictError, "'/folder' exists already"),
        ("rename", ("/none", "/x"), NotFoundError, "'/none' does not exist"),
        ("rename", ("/file", "/out/x"), ForbiddenError, "leads out of the offered folder"),
        ("delete", ("/none",), NotFoundError, "does not exist"),
        ("delete", ("/",), ForbiddenError, "cannot be deleted"),
        ("delete", ("/out/passwd",), ForbiddenError, "leads out of the offered folder"),
    ],
    ids=str,
)
async def test_what_is_refused(
    folder: Path, operation: str, arguments: tuple[str, ...], error: type[Exception], sentence: str
) -> None:
    (folder / "file").touch()
    (folder / "folder").mkdir()
    (folder / "out").symlink_to("/etc")
    (folder / "to out").symlink_to("/etc/passwd")
    api = KubeApi()
    async with kube_api(api) as values:
        offered = files_of(api, values, str(folder))
        with pytest.raises(error, match=sentence):
            await getattr(offered, operation)(*arguments)
    assert names_in(folder) == ["file", "folder", "out", "to out"]


async def test_what_is_no_file_is_neither_read_nor_written(
    offered: ContainerFiles, folder: Path
) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "to out").symlink_to("/etc/passwd")
    cases = [
        ("pipe", ForbiddenError, "named pipe"),
        ("folder", ConflictError, "is a folder"),
        ("to out", ForbiddenError, "leads out"),
    ]
    for name, error, sentence in cases:
        with pytest.raises(error, match=sentence):
            await content(offered, f"/{name}")
        with pytest.raises(error, match=sentence):
            await offered.write(f"/{name}", BINARY, pieces(b"x"))
    await offered.delete("/to out")
    assert names_in(folder) == ["folder", "pipe"]


async def test_a_container_with_a_shell_and_cat(folder: Path, tmp_path: Path) -> None:
    (folder / "folder").mkdir()
    (folder / "file").write_bytes(b"abc")
    api = container(tmp_path / "bin", ("sh", "cat", "rm"), busybox=False)
    async with kube_api(api) as values:
        offered = files_of(api, values, str(folder))
        await offered.prepare()
        assert await listed(offered, "/") == {
            "file": Entry("file"), "folder": Entry("folder", is_directory=True)
        }  # fmt: skip
        assert await content(offered, "/file") == b"abc"
        (folder / "link").symlink_to("file")
        with pytest.raises(UnsupportedError, match="lacks the program readlink"):
            await content(offered, "/link")
        with pytest.raises(UpstreamError, match="dd: not found"):
            await offered.write("/new", BINARY, pieces(b"x"))
        assert names_in(folder) == ["file", "folder", "link"]
        with pytest.raises(UpstreamError, match="mkdir: not found"):
            await offered.make_directory("/new")


async def test_a_container_without_a_shell(folder: Path) -> None:
    api = KubeApi(tools=str(folder))
    async with kube_api(api) as values:
        with pytest.raises(UnsupportedError, match=r"the container has no shell \(sh\)"):
            await files_of(api, values, str(folder)).prepare()


async def test_a_directory_that_does_not_exist(folder: Path) -> None:
    api = KubeApi(directory=str(folder))
    (folder / "data").mkdir()
    async with kube_api(api) as values:
        with pytest.raises(NotFoundError, match="'files-root-directory' does not exist"):
            await files_of(api, values, "/none").prepare()
        relative = files_of(api, values, "data")
        await relative.prepare()
        await relative.write("/x", BINARY, pieces(b"x"))
        assert (folder / "data" / "x").read_bytes() == b"x"
        assert await relative.path_of(str(folder / "data" / "x")) == "/x"
        assert await relative.path_of("data/x") == "/x"
        with pytest.raises(ForbiddenError, match="not in the offered folder"):
            await relative.path_of("")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("printf ./a; printf %5000d 1", "lists files in a way that cannot be read"),
        ("printf 'a\\0\\0\\0'", "lists files in a way that cannot be read"),
        ("printf './a\\0'", "lists files in a way that cannot be read"),
        ("for x in 1 2 3 4 5 6; do printf './a\\0\\0\\0'; done", "more than 5 entries"),
        ("sleep 60", "has done nothing for 0.2 s"),
    ],
)
async def test_a_hostile_container(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, sentence: str
) -> None:
    monkeypatch.setattr(files, "ENTRIES_MAX", 5)
    monkeypatch.setattr(Programs.output, "__kwdefaults__", {"silence": 0.2})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin" / "sh").chmod(0o755)
    api = KubeApi(tools=f"{tmp_path}/bin:{os.environ['PATH']}")
    async with kube_api(api) as values:
        with pytest.raises(GuacrError, match=sentence):
            await listed(files_of(api, values, str(folder)), "/")


@pytest.mark.parametrize(
    "reason",
    [
        'exec: "sh": executable file not found in $PATH: unknown',
        "executable file `sh` not found in $PATH: No such file or directory",
        'exec: "sh": stat sh: no such file or directory',
    ],
)
async def test_what_runtimes_say_of_a_missing_shell(folder: Path, reason: str) -> None:
    async with kube_api(KubeApi(broken=reason)) as values:
        with pytest.raises(UnsupportedError, match="the container has no shell"):
            await files_of(KubeApi(), values, str(folder)).prepare()


async def test_a_flood_of_errors_is_bounded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "ASIDES_MAX", 5)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").write_text("#!/bin/sh\nexec yes no >&2\n")
    (tmp_path / "bin" / "sh").chmod(0o755)
    api = KubeApi(tools=f"{tmp_path}/bin:{os.environ['PATH']}")
    async with kube_api(api) as values:
        with pytest.raises(UpstreamError, match="writes too much"):
            await listed(files_of(api, values, str(folder)), "/")


async def test_answers_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "OUTPUT_MAX", 10)
    api = KubeApi()
    async with kube_api(api) as values:
        with pytest.raises(UpstreamError, match="writes too much"):
            await files_of(api, values, str(folder)).prepare()


def test_parameters_disable_directions() -> None:
    values = {"hostname": "127.0.0.1", "port": "1"}
    api = KubeApi()
    reading = files_of(api, values, "/", may_write=False)
    assert reading.features == {Feature.READ}
    changes = {Feature.WRITE, Feature.MAKE_DIRECTORY, Feature.RENAME, Feature.DELETE}
    assert files_of(api, values, "/", may_read=False).features == changes


async def test_the_owner_of_a_session_browses_the_container(daemon: Daemon, folder: Path) -> None:
    (folder / "file").write_bytes(b"content")
    api = KubeApi(directory=str(folder))
    enabled = {"enable-files": "true", "exec-command": "sh"}
    async with (
        kube_api(api) as values,
        desk(daemon, values | enabled, protocol="kubernetes") as person,
    ):
        index, name = await file_system(person.client)
        assert name == "/"
        path = f"{folder}/file"
        assert await get(person.client, index, path) == (BINARY, b"content")
        await send(person.client, "put", index, BINARY, f"{folder}/new", data=b"uploaded")
        await until((folder / "new").exists, "the upload")
        await send(person.client, "file", BINARY, "dropped", data=b"dropped")
        await until((folder / "dropped").exists, "the file")
        person.client.type(f"printf '\\033]482200;{path}\\a'\n")
        await person.client.wait(
            lambda: any(one.opcode == "file" for one in person.client.state.streams), "a file"
        )


async def test_problems_with_files_do_not_end_the_session(daemon: Daemon, folder: Path) -> None:
    api = KubeApi(tools=str(folder))
    enabled = {"enable-files": "true"}
    async with (
        kube_api(api) as values,
        desk(daemon, values | enabled, protocol="kubernetes") as person,
    ):
        await person.see("files of the host are not available: the container has no shell")


async def test_many_files_are_listed_in_batches(offered: ContainerFiles, folder: Path) -> None:
    for number in range(250):
        (folder / f"{number}").touch()
    assert len(await listed(offered, "/")) == 250


async def test_too_many_are_not(
    offered: ContainerFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "ENTRIES_MAX", 3)
    for number in range(4):
        (folder / f"{number}").touch()
    with pytest.raises(OverrunError, match="more than 3 entries"):
        await listed(offered, "/")
    (folder / "0").unlink()
    assert len(await listed(offered, "/")) == 3


async def test_a_session_with_files_leaves_memory_at_once(daemon: Daemon, folder: Path) -> None:
    (folder / "file").write_bytes(b"content")
    enabled = {"enable-files": "true", "files-root-directory": str(folder)}
    async with kube_api(KubeApi()) as values, freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "kubernetes", values | enabled)
        index, _ = await file_system(client)
        assert await get(client, index, "/file") == (BINARY, b"content")
        await send(client, "put", index, BINARY, "/new", data=b"uploaded")
        await until((folder / "new").exists, "the upload")
        acks = len(client.state.acks)
        client.send("put", index, 1, BINARY, "/left")
        await client.wait(lambda: len(client.state.acks) > acks, "an upload that is left")
        await client.close()
