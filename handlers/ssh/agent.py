"""An SSH agent with one key, which the remote host can use during the session.

It implements draft-miller-ssh-agent on a Unix socket in a directory that only this user can enter,
lists the key, signs with it, and declines everything else.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from guacr.api import compute
from handlers.ssh.key_texts import PrivateKey

MESSAGE_MAX = 256 * 1024
"""Maximum bytes of a request, as in OpenSSH's agent."""
CLIENTS_MAX = 16
"""Maximum simultaneous clients; further ones are refused."""

_FAILURE = bytes([5])
_LIST, _IDENTITIES = 11, bytes([12])
_SIGN, _SIGNED = 13, bytes([14])


class Agent:
    """An agent, created by `open_agent`; its owner closes it."""

    def __init__(self, key: PrivateKey, directory: Path) -> None:
        self.path = directory / "agent"
        """The path of the socket."""
        self._key = key
        self._directory = directory
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Start to accept clients."""
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def close(self) -> None:
        """Drop the clients and remove the socket."""
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.current_task()
        if client is None or len(self._clients) >= CLIENTS_MAX:
            writer.close()
            return
        self._clients.add(client)
        try:
            while request := await _read(reader):
                reply = await compute(self.reply, request)
                writer.write(_string(reply))
                await writer.drain()
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            pass  # the agent is closing; asyncio's server need not know
        finally:
            self._clients.discard(client)
            writer.close()

    def reply(self, request: bytes) -> bytes:
        """Return the answer to a request, both without their length prefix."""
        if request[0] == _LIST:
            keys = self._key.identities
            return (
                _IDENTITIES
                + len(keys).to_bytes(4, "big")
                + b"".join(_string(public) + _string(comment) for public, comment in keys)
            )
        if request[0] == _SIGN:
            return self._sign(request[1:])
        return _FAILURE

    def _sign(self, request: bytes) -> bytes:
        try:
            public, rest = _cut(request)
            data, flags = _cut(rest)
        except ValueError:
            return _FAILURE
        if len(flags) != 4:
            return _FAILURE
        signature = self._key.sign(public, data, int.from_bytes(flags, "big"))
        return _FAILURE if signature is None else _SIGNED + _string(signature)


async def open_agent(key: PrivateKey) -> Agent:
    """Return an agent with `key` that accepts clients."""
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="guacr-agent-"))
    agent = Agent(key, directory)
    try:
        await agent.listen()
    except BaseException:
        await agent.close()
        raise
    return agent


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read the next request; empty at the end or if it violates the protocol."""
    try:
        length = int.from_bytes(await reader.readexactly(4), "big")
        return await reader.readexactly(length) if length <= MESSAGE_MAX else b""
    except asyncio.IncompleteReadError:
        return b""


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _cut(data: bytes) -> tuple[bytes, bytes]:
    """Split off the string at the start.

    Raises:
        ValueError: the data does not begin with a string.
    """
    end = 4 + int.from_bytes(data[:4], "big")
    if len(data) < max(4, end):
        raise ValueError("cut off")
    return data[4:end], data[end:]
