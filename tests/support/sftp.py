"""The files of an SSH server, without a session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial

from guacr.api import Entry, FileSystem, SshSettings, unrestricted
from handlers.dial import dial
from handlers.sftp.files import SftpFiles
from handlers.sftp.names import Names
from handlers.sftp.places import Places
from handlers.ssh.algorithms import algorithms
from handlers.ssh.key_texts import read_private_key
from handlers.ssh.library import Connection, Target, connect
from handlers.ssh.login import Login
from handlers.ssh.params import SshParams
from handlers.ssh.sftp import open_sftp
from tests.handlers.ssh.people import Person

TIMEOUT = 10.0
"""Seconds."""


@asynccontextmanager
async def ssh_connection(
    address: dict[str, str], user: str, key: str = "", password: str = ""
) -> AsyncIterator[Connection]:
    """A connection, logged in."""
    host, port = address["hostname"], int(address["port"])
    private_key = read_private_key(key, None, "") if key else None
    target = Target(
        host=host,
        port=port,
        username=user,
        trust=None,
        algorithms=algorithms(SshParams(), SshSettings()),
        greeting_timeout=TIMEOUT,
        handshake_timeout=TIMEOUT,
        login_timeout=TIMEOUT,
        decode=bytes.decode,
    )
    login = Login(Person(), user, key=private_key, password=password)
    connection = await connect(await dial(unrestricted(), host, port, TIMEOUT), target, login)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def sftp_files(
    address: dict[str, str],
    user: str,
    key: str = "",
    *,
    password: str = "",
    root: str = "/",
    may_read: bool = True,
    may_write: bool = True,
) -> AsyncIterator[SftpFiles]:
    """The files of a host below a directory."""
    async with ssh_connection(address, user, key, password) as connection:
        files = SftpFiles(
            partial(open_sftp, connection, address["hostname"], TIMEOUT),
            Places(root, Names()),
            root,
            may_read=may_read,
            may_write=may_write,
        )
        yield files
        files.close()


async def content(files: FileSystem, path: str, offset: int = 0) -> bytes:
    """The content of a file."""
    async with aclosing(files.read(path, offset)) as pieces:
        return b"".join([piece async for piece in pieces])


async def listed(files: FileSystem, path: str) -> dict[str, Entry]:
    """The entries of a directory by name."""
    async with aclosing(files.list(path)) as entries:
        return {entry.name: entry async for entry in entries}


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    """What a user sends."""
    for piece in data:
        yield piece
