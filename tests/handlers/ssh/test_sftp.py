"""The files of an SSH session, seen from a client of the daemon."""

from __future__ import annotations

import json
import os
import random
import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from guacr.api import UpstreamError
from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.session.events import Refused
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.ssh.handler import SshHandler
from tests.support.file_desk import BINARY, INDEX, file_system, get, refusal, send
from tests.support.freed import freed
from tests.support.openssh import OpenSsh
from tests.support.ssh_desk import Desk, desk, shell
from tests.support.waiting import until

SOME = random.Random(2).randbytes(300_000)
SFTP = {"enable-sftp": "true"}


@pytest.fixture
def folder(server: OpenSsh) -> Iterator[Path]:
    """An empty directory that belongs to the server's user."""
    path = Path(mkdtemp(dir=server.home))
    shutil.chown(path, server.user)
    try:
        yield path
    finally:
        shutil.rmtree(path)


async def written(path: Path, data: bytes) -> None:
    """Wait until a file has its content."""
    await until(lambda: path.exists() and path.read_bytes() == data, f"{path.name}, whole")


async def shown(person: Desk, sentence: str) -> None:
    """Wait until the terminal shows a sentence, in one or more rows."""
    await until(lambda: sentence in person.text.replace("\n", ""), f"{sentence!r} in the terminal")


async def test_files_are_listed_and_go_both_ways_beside_the_shell(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "file").write_bytes(SOME)
    async with shell(daemon, server, key, **SFTP) as person:
        index, name = await file_system(person.client)
        assert name == "/"
        kind, data = await get(person.client, index, str(folder))
        assert (kind, json.loads(data)) == (INDEX, {f"{folder}/file": BINARY})
        assert await get(person.client, index, f"{folder}/file") == (BINARY, SOME)
        answer = await send(person.client, "put", index, BINARY, f"{folder}/new", data=SOME)
        assert answer[1] == Status.SUCCESS
        await written(folder / "new", SOME)
        sentence, status = await refusal(person.client, index, f"{folder}/missing")
        assert "because it does not exist" in sentence
        assert status == Status.RESOURCE_NOT_FOUND
        person.client.type("echo still-$((6*7))\n")
        await person.see("\nstill-42\n")


async def test_an_upload_is_complete_although_its_client_leaves_at_once(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    """It replaces a file, which takes the server some more requests after the end."""
    (folder / "file").write_bytes(b"old")
    shutil.chown(folder / "file", server.user)
    async with shell(daemon, server, key, **SFTP) as person:
        index, _ = await file_system(person.client)
        await send(person.client, "put", index, BINARY, f"{folder}/file", data=SOME)
        person.client.send("disconnect")
        await written(folder / "file", SOME)
    assert os.listdir(folder) == ["file"]  # noqa: PTH208 - quick


async def test_dropped_files_go_to_the_home_or_where_a_program_says(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    async with shell(daemon, server, key, **SFTP) as person:
        await file_system(person.client)
        name = f"{folder.name} dropped"
        try:
            await send(person.client, "file", BINARY, f"../{name}", data=SOME[:1000])
            await written(server.home / name, SOME[:1000])
        finally:
            (server.home / name).unlink(missing_ok=True)
        person.client.type(f"cd {folder}; printf '\\033]482201;%s\\a' \"$PWD\"; echo s'e't\n")
        await person.see("\nset\n")
        await send(person.client, "file", BINARY, "ünder", data=SOME)
        await written(folder / "ünder", SOME)
        answer = await send(person.client, "file", BINARY, "a/..", data=b"")
        assert answer == ("a file cannot have the name 'a/..'", Status.CLIENT_BAD_REQUEST)


async def test_a_program_sends_files_to_the_owner(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "a file").write_bytes(SOME)
    async with shell(daemon, server, key, **SFTP) as person:
        await file_system(person.client)
        person.client.type(f"cd {folder.name}; printf '\\033]482200;%s\\a' \"$PWD/a file\"\n")
        await until(lambda: bool(person.client.state.streams), "the file")
        (stream,) = person.client.state.streams
        assert (stream.opcode, *stream.args) == ("file", BINARY, "a file")
        assert bytes(stream.data) == SOME
        with person.session.events.subscribe() as events:
            person.client.type("printf '\\033]482200;%s\\a' no; printf '\\033]482200;%s\\a' /\n")
            await person.see("'no' was not sent: the host cannot find")
            await person.see("'/' was not sent: it is a folder, and only files can be sent.")
            refused = [one for one in events._pending if isinstance(one, Refused)]
        assert {(one.name, one.incoming) for one in refused} == {("no", False), ("/", False)}


async def test_the_offered_directory_confines_programs_too(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "in").mkdir()
    shutil.chown(folder / "in", server.user)
    (folder / "out").write_bytes(b"out")
    values = SFTP | {"sftp-root-directory": f"{folder}/in"}
    async with shell(daemon, server, key, **values) as person:
        _, name = await file_system(person.client)
        assert name == f"{folder}/in"
        await send(person.client, "file", BINARY, "first", data=b"1")
        await written(folder / "in/first", b"1")
        person.client.type(f"printf '\\033]482200;%s\\a' {folder}/in/../out\n")
        await shown(person, "is not in the offered folder")
        assert not person.client.state.streams
        person.client.type(f"printf '\\033]482201;%s\\a' {folder}; echo s'e't\n")
        await person.see("\nset\n")
        answer = await send(person.client, "file", BINARY, "second", data=b"2")
        assert answer[1] == Status.CLIENT_FORBIDDEN
        assert sorted(os.listdir(folder)) == ["in", "out"]  # noqa: PTH208


async def test_a_file_that_is_lost_after_its_end_is_named(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key, **SFTP) as person:
        await file_system(person.client)
        (user,) = person.session.users
        person.handler.upload_lost(user, "photo", UpstreamError("the disk is full"))
        await person.see("'photo' was not saved: the disk is full.")


async def test_directions_can_be_disabled(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "file").write_bytes(SOME)
    async with shell(daemon, server, key, **SFTP | {"sftp-disable-download": "true"}) as person:
        index, _ = await file_system(person.client)
        _, status = await refusal(person.client, index, f"{folder}/file")
        assert status == Status.CLIENT_FORBIDDEN
        person.client.type(f"printf '\\033]482200;%s\\a' {folder}/file\n")
        await person.see("files cannot be downloaded from here.")
    async with shell(daemon, server, key, **SFTP | {"sftp-disable-upload": "true"}) as person:
        index, _ = await file_system(person.client)
        for opening in (("put", index, BINARY, f"{folder}/new"), ("file", BINARY, "new")):
            answer = await send(person.client, *opening, data=b"x")
            assert answer == ("files cannot be uploaded here", Status.CLIENT_FORBIDDEN)
        assert await get(person.client, index, f"{folder}/file") == (BINARY, SOME)


async def test_without_the_parameter_nothing_is_offered(
    daemon: Daemon, server: OpenSsh, key: str
) -> None:
    async with shell(daemon, server, key) as person:
        sentence, status = await send(person.client, "file", BINARY, "new", data=b"x")
        assert "parameter enable-sftp" in sentence
        assert status == Status.UNSUPPORTED
        with person.session.events.subscribe() as events:
            person.client.type("printf '\\033]482200;/etc/hosts\\a\\033]482201;/tmp\\a'\n")
            await person.see("'/etc/hosts' was not sent: file transfer is not enabled")
            (refused,) = [one for one in events._pending if isinstance(one, Refused)]
        assert (refused.name, refused.incoming) == ("/etc/hosts", False)
        await person.see("No files go to '/tmp': file transfer is not enabled")
        assert not [one for one in person.client.history if one.opcode == "filesystem"]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("Subsystem none /none",), "has no SFTP server: enable it"),
        (("Subsystem sftp /none",), "ends SFTP before it has started"),
        (("Subsystem sftp echo 'Welcome to this machine'; cat",), "does not speak SFTP"),
        (("Subsystem sftp echo Bye",), "ends SFTP before it has started"),
        (("MaxSessions 1",), "opens no further session for SFTP"),
    ],
)
async def test_a_host_without_files_still_has_a_shell(
    daemon: Daemon, server: OpenSsh, key: str, lines: tuple[str, ...], sentence: str
) -> None:
    with server.variant(*lines) as place:
        values = SFTP | place | {"username": server.user, "private-key": key}
        async with desk(daemon, values) as person:
            await shown(person, sentence)
            person.client.type("echo still-$((6*7))\n")
            await person.see("\nstill-42\n")


async def test_a_session_with_transfers_is_freed_when_its_user_leaves(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "file").write_bytes(SOME * 100)
    values = server.address | SFTP | {"username": server.user, "private-key": key}
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "ssh", values)
        index, _ = await file_system(client)
        client.send("get", index, f"{folder}/file")
        client.send("put", index, 2, BINARY, f"{folder}/new")
        await client.wait(lambda: client.state.acks, "an ack")
        client.send("blob", 2, "AAAA")
        await client.close()
    await written(folder / "new", b"")


def lose_files(daemon: Daemon) -> None:
    """Close the SFTP channel of the only session."""
    (session,) = daemon.registry.sessions.values()
    assert isinstance(session.handler, SshHandler)
    assert session.handler.files is not None
    session.handler.files.close()


async def test_a_session_whose_transfers_have_failed_is_freed(
    daemon: Daemon, server: OpenSsh, key: str, folder: Path
) -> None:
    (folder / "file").write_bytes(SOME * 100)
    values = server.address | SFTP | {"username": server.user, "private-key": key}
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "ssh", values)
        index, _ = await file_system(client)
        client.behaviour.ack = False
        client.send("get", index, f"{folder}/file")
        client.send("put", index, 2, BINARY, f"{folder}/new")
        await client.wait(lambda: client.state.acks, "an ack")
        await client.wait(lambda: any(one.opcode == "body" for one in client.history), "the body")
        lose_files(daemon)
        for _ in range(20):
            client.send("blob", 2, b64encode(SOME[:6000]).decode())
        client.behaviour.ack = True
        client.send("ack", 0, "OK", 0)
        await client.wait(lambda: any(ack[2] for ack in client.state.acks), "an error")
        await client.wait(lambda: len(client.state.streams) >= 2, "the broken file, and its error")
        await client.close()
