"""Ended sessions and their secrets leave memory at once, without the garbage collector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address, local_settings, running_daemon
from tests.support.freed import freed
from tests.support.kube_api import KubeApi, kube_api
from tests.support.scripted_host import send_reset
from tests.support.waiting import free_port


@pytest.fixture(params=["auto", "pyte"])
async def daemon(request: pytest.FixtureRequest) -> AsyncIterator[Daemon]:
    settings = local_settings(terminal={"engine": request.param})
    async with running_daemon(settings=settings) as running:
        yield running


@pytest.fixture
async def telnet() -> AsyncIterator[dict[str, str]]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x1b[31mhello\x1b]0;title\x07\r\n")
        while data := await reader.read(100):
            if b"q" in data:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield {"hostname": "127.0.0.1", "port": str(server.sockets[0].getsockname()[1])}
    server.close()
    await server.wait_closed()


async def use(client: GuacClient) -> None:
    """Do something of everything."""
    await client.frame()
    client.type("ab")
    client.click(30, 30)
    client.mouse(200, 60, 1)
    client.mouse(300, 90, 1)
    client.clipboard("text")
    client.argv("color-scheme", "white-black")
    client.size(700, 500)
    await client.frame()


@pytest.mark.parametrize("politely", [True, False])
async def test_a_test_card(daemon: Daemon, politely: bool) -> None:
    async with freed(daemon.registry):
        parameters = {"sound": "tone", "microphone": "true"}
        client = await GuacClient.connect(address(daemon), "testcard", parameters)
        await client.frame()
        client.type("ab")
        client.send("touch", 1, 5, 5, 1, 1, 0, 1)
        client.size(700, 500)
        client.send("audio", 1, "audio/L16;rate=44100,channels=2")
        await client.wait(lambda: client.state.acks, "an answer")
        await client.frame()
        await client.close(politely=politely)


async def test_a_terminal_that_its_user_leaves(daemon: Daemon, telnet: dict[str, str]) -> None:
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "telnet", telnet)
        await use(client)
        await client.close()


async def test_a_terminal_that_its_host_ends(daemon: Daemon, telnet: dict[str, str]) -> None:
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "telnet", telnet)
        await use(client)
        client.type("q")
        await client.wait_closed()
        await client.close()


async def test_users_who_join_and_leave(daemon: Daemon, telnet: dict[str, str]) -> None:
    owner = await GuacClient.connect(address(daemon), "telnet", telnet)
    await owner.frame()
    async with freed(daemon.registry) as kept:
        joiner = await GuacClient.connect(address(daemon), owner.state.ready)
        await joiner.frame()
        joiner.type("x")
        joiner.stream("file", "text/plain", "name")
        await joiner.close()
        del kept[2:]  # the session goes on
    await owner.close()


async def test_a_host_that_cannot_be_reached(daemon: Daemon) -> None:
    values = {"hostname": "127.0.0.1", "port": str(free_port())}
    async with freed(daemon.registry):
        for protocol in ("telnet", "ssh", "kubernetes", "mysql"):
            more = {"pod": "p"} if protocol == "kubernetes" else {"username": "u"}
            client = await GuacClient.connect(address(daemon), protocol, values | more)
            await client.wait_closed()
            await client.close()


async def test_who_leaves_in_place_of_an_answer(daemon: Daemon) -> None:
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "ssh", {"hostname": "127.0.0.1"})
        await client.frame()
        await client.close()


async def test_a_container(daemon: Daemon) -> None:
    async with kube_api(KubeApi()) as values, freed(daemon.registry):
        client = await GuacClient.connect(
            address(daemon), "kubernetes", values | {"exec-command": "sh"}
        )
        await use(client)
        await client.close()


async def test_a_telnet_host_that_resets_the_connection(daemon: Daemon) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(b"hello")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        values = {"hostname": "127.0.0.1", "port": str(server.sockets[0].getsockname()[1])}
        async with freed(daemon.registry):
            client = await GuacClient.connect(address(daemon), "telnet", values)
            await use(client)
            send_reset(connections[0].transport)
            await client.wait_closed()
            assert client.state.errors == []
            await client.close()


async def test_a_cluster_that_resets_the_connection(daemon: Daemon) -> None:
    api = KubeApi()
    async with kube_api(api) as values, freed(daemon.registry):
        client = await GuacClient.connect(
            address(daemon), "kubernetes", values | {"exec-command": "sh"}
        )
        await use(client)
        transport = api.sockets[0]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        send_reset(transport)
        await client.wait_closed()
        await client.close()


async def test_consoles(daemon: Daemon) -> None:
    async with freed(daemon.registry):
        client = await GuacClient.connect(address(daemon), "sqlite", {"database": ":sample:"})
        await use(client)
        client.type("\nselect * from customers;\n\\d\n\\x\nselect 1;\n")
        await client.frame()
        await client.close()
