"""Files beside an RDP desktop: both servers are real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from tests.handlers.rdp.sessions import connected
from tests.support.certificates import Pair
from tests.support.file_desk import BINARY, file_system, get, offered, send
from tests.support.freerdp_shadow import ALICE, freerdp_shadow
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.waiting import until
from tests.support.xvnc import Desktop


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("OpenSSH's server is not installed")
    with openssh_server() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    return {"drive_directories": [str(tmp_path)]}


def terms(server: OpenSsh) -> dict[str, str]:
    """The parameters for files beside a desktop."""
    return {
        "enable-sftp": "true",
        "sftp-port": str(server.port),
        "sftp-username": server.user,
        "sftp-private-key": server.make_key("-t", "ed25519"),
    }


async def test_files_go_both_ways_and_dropped_ones_are_not_put_on_the_clipboard(
    daemon: Daemon, desktop: Desktop, pair: Pair, server: OpenSsh, tmp_path: Path
) -> None:
    values = terms(server)
    async with (
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
        connected(daemon, parameters | ALICE.parameters | values, security="tls") as client,
    ):
        index, name = await file_system(client)
        assert name == "/"
        await send(client, "file", BINARY, "dropped", data=b"content")
        path = server.home / "dropped"
        await until(lambda: path.exists() and path.read_bytes() == b"content", "the file")
        assert await get(client, index, str(path)) == (BINARY, b"content")


@pytest.mark.parametrize("by_sftp", [True, False])
async def test_dropped_files_with_a_drive_as_well(
    by_sftp: bool,
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    server: OpenSsh,
    tmp_path: Path,
) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    values = terms(server) | {"enable-drive": "true", "drive-path": str(drive)}
    values |= {"sftp-directory": str(server.home)} if by_sftp else {}
    async with (
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
        connected(daemon, parameters | ALICE.parameters | values, security="tls") as client,
    ):
        await client.wait(lambda: len(offered(client)) == 2, "both file systems")
        await send(client, "file", BINARY, "dropped beside", data=b"content")
        path = (server.home if by_sftp else drive) / "dropped beside"
        await until(lambda: path.exists() and path.read_bytes() == b"content", "the file")
