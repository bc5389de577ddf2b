"""SFTP servers that behave in ways that OpenSSH never does; asyncssh's server, changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from handlers.sftp.files import SftpFiles
from handlers.sftp.wire import Decoder
from tests.support.sftp import sftp_files

Script = Callable[[int, int], bytes]
"""Returns the bytes that answer a request, by its type and number."""


class _Server(asyncssh.SSHServer):
    def __init__(
        self, connections: list[asyncssh.SSHServerConnection], script: Script | None
    ) -> None:
        self._connections = connections
        self._script = script

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return False

    def session_requested(self) -> Any:
        if self._script is None:
            return False
        channel = self._connections[-1].create_server_channel(encoding=None)
        return channel, _Scripted(self._script)


class _Scripted(asyncssh.SSHServerSession[bytes]):
    def __init__(self, script: Script) -> None:
        self._script = script
        self._decoder = Decoder()
        self._channel: asyncssh.SSHServerChannel[bytes]

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def data_received(self, data: bytes, datatype: int | None) -> None:
        for request in self._decoder.feed(data):
            self._channel.write(self._script(request.kind, request.number))


class OddServer:
    """A running server; everyone may log in."""

    def __init__(self) -> None:
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.address: dict[str, str] = {}
        """The parameters that name it."""

    def cut(self) -> None:
        """End all connections at once."""
        for connection in self.connections:
            connection.abort()


@asynccontextmanager
async def odd_server(script: Script | None = None, **options: Any) -> AsyncIterator[OddServer]:
    """A server with a script, or options of `asyncssh.listen` such as `sftp_factory`."""
    odd = OddServer()
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Server(odd.connections, script),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        **options,
    )
    odd.address = {"hostname": "127.0.0.1", "port": str(server.get_port())}
    try:
        yield odd
    finally:
        server.close()
        await server.wait_closed()
        odd.cut()
        for connection in odd.connections:
            await connection.wait_closed()


@asynccontextmanager
async def odd_files(
    root: str, factory: type[asyncssh.SFTPServer]
) -> AsyncIterator[tuple[OddServer, SftpFiles]]:
    """The files of a server of this class, whose root is a directory here."""

    def made(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
        return factory(channel, chroot=root.encode())

    async with (
        odd_server(sftp_factory=made) as server,
        sftp_files(server.address, "ann") as files,
    ):
        yield server, files


@asynccontextmanager
async def scripted_files(script: Script) -> AsyncIterator[SftpFiles]:
    """The files of a server whose every byte is scripted."""
    async with odd_server(script) as server, sftp_files(server.address, "ann") as files:
        yield files
