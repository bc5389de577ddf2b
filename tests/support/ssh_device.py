"""A device that speaks SSH in its own way: asyncssh's server, with what a test makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncssh

from tests.support.scripted_host import send_reset

Process = asyncssh.SSHServerProcess[str]


class _Open(asyncssh.SSHServer):
    """Lets everybody in."""

    def begin_auth(self, username: str) -> bool:
        return False


@asynccontextmanager
async def device(
    shell: Callable[[Process, asyncssh.SSHServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[dict[str, str]]:
    """A device whose shell does as the function says; the parameters that name it."""
    tasks = set()

    async def serve(process: Process) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncssh.Error, asyncio.CancelledError, BrokenPipeError):  # it has left
            await shell(process, process.get_extra_info("connection"))

    values = {
        "server_factory": _Open,
        "server_host_keys": [asyncssh.generate_private_key("ssh-ed25519")],
        "line_editor": False,
        "process_factory": serve,
    } | options
    server = await asyncssh.listen("127.0.0.1", 0, config=None, **values)
    try:
        yield {"hostname": "127.0.0.1", "port": str(server.get_port()), "username": "ann"}
    finally:
        for task in tasks:
            task.cancel()
        server.close()
        await server.wait_closed()


def hang_up(connection: asyncssh.SSHServerConnection, *, reset: bool = False) -> None:
    """End a connection without a word: by FIN, or by RST."""
    transport: Any = connection._transport
    if reset:
        send_reset(transport)
    else:
        transport.close()


def disconnect(connection: asyncssh.SSHServerConnection, code: int, why: str) -> None:
    """End a connection by SSH_MSG_DISCONNECT alone, with its channels still open."""
    connection._send_disconnect(code, why, "en")


def ignore(connection: asyncssh.SSHServerConnection, kind: int) -> None:
    """Have a server take packets of a kind without an answer."""
    handlers: Any = connection._packet_handlers
    connection._packet_handlers = handlers | {kind: lambda *_: True}
