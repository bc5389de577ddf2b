"""The Unix socket that PyMongo connects to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from guacr.api import ForbiddenError, Network, UpstreamUnavailableError, unrestricted
from guacr.policy.client import NOBODY
from guacr.policy.policy import Policy
from guacr.policy.rule import Request
from guacr.settings.access import AccessSettings
from handlers.database.mongodb.relay import Relay
from handlers.database.params import MongodbParams
from tests.support.waiting import free_port


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def echoing() -> AsyncIterator[MongodbParams]:
    """A server that sends back what it receives."""
    talks = set[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(echo(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1") as server:
        yield MongodbParams(hostname="127.0.0.1", port=server.sockets[0].getsockname()[1])
        await asyncio.gather(*talks)


async def exchanged(path: str) -> bytes:
    """What comes back of five bytes."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(b"hello")
        return await reader.read(5)
    except OSError:
        return b""
    finally:
        writer.close()


async def test_bytes_are_passed_on_through_a_socket_that_is_private() -> None:
    async with echoing() as params:
        relay = Relay(unrestricted(), params)
        await relay.open()
        directory = Path(relay.path).parent
        assert directory.stat().st_mode & 0o777 == 0o700
        assert await asyncio.gather(*(exchanged(relay.path) for _ in range(3))) == [b"hello"] * 3
        await relay.close()
    assert not directory.exists()


async def test_each_connection_is_decided_on() -> None:
    rules = [{"targets": ["127.0.0.1"]}]
    policy = Policy(AccessSettings.model_validate({"rules": rules}))
    network = Network(lambda: policy, Request(NOBODY, "mongodb"), lambda *_: None)
    async with echoing() as params:
        relay = Relay(network, params)
        await relay.open()
        assert await exchanged(relay.path) == b"hello"
        policy = Policy(AccessSettings.model_validate({"rules": [{"protocols": ["ssh"]}]}))
        assert await exchanged(relay.path) == b""
        assert isinstance(relay.failure, ForbiddenError)
        await relay.close()


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    relay = Relay(unrestricted(), MongodbParams(hostname="127.0.0.1", port=free_port()))
    with pytest.raises(UpstreamUnavailableError):
        await relay.open()
    await relay.close()
    assert relay.path == ""
