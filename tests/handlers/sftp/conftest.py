"""One OpenSSH server for all tests of a process, and a directory of its user."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from handlers.sftp.files import SftpFiles
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.sftp import sftp_files


@pytest.fixture(scope="session")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("OpenSSH's server is not installed")
    with openssh_server() as running:
        yield running


@pytest.fixture(scope="session")
def key(server: OpenSsh) -> str:
    """A private key that the server takes."""
    return server.make_key("-t", "ed25519")


@pytest.fixture
def folder(server: OpenSsh) -> Iterator[Path]:
    """An empty directory that belongs to the server's user."""
    path = Path(mkdtemp(dir=server.home))
    shutil.chown(path, server.user)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@pytest.fixture
async def files(server: OpenSsh, key: str, folder: Path) -> AsyncIterator[SftpFiles]:
    """The files below the directory."""
    async with sftp_files(server.address, server.user, key, root=str(folder)) as offered:
        yield offered
