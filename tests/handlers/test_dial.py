"""TCP to hosts with several addresses, to silent ones and to none."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from guacr.api import unrestricted
from guacr.errors import (
    BadRequestError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from handlers import dial as dialling
from handlers.dial import ADDRESSES_MAX, dial
from tests.support.waiting import free_port

NETWORK = unrestricted()


@asynccontextmanager
async def listening(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, host, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextmanager
def swallowing(host: str) -> Iterator[int]:
    """An address at which connecting hangs: its queue of connections is full."""
    with socket.socket() as full:
        full.bind((host, 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        try:
            yield full.getsockname()[1]
        finally:
            for sock in waiting:
                sock.close()


def resolve_to(monkeypatch: pytest.MonkeyPatch, *hosts: str, port: int) -> None:
    async def resolve(host: str, asked: int) -> list[dialling.Address]:
        return [(socket.AF_INET, (host, port)) for host in hosts]

    monkeypatch.setattr(dialling, "_resolved", resolve)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
async def test_names_and_addresses(host: str) -> None:
    bound = "::1" if ":" in host else "127.0.0.1"
    async with listening(bound) as port:
        with await dial(NETWORK, host, port, 5) as sock:
            assert sock.getpeername()[:2] == (bound, port)
            assert not sock.getblocking()


async def test_an_address_that_hangs_does_not_hold_back_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with swallowing("127.0.0.2") as port:
        async with listening("127.0.0.1", port):
            resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1", port=port)
            started = time.monotonic()
            with await dial(NETWORK, "host", port, 5) as sock:
                assert sock.getpeername() == ("127.0.0.1", port)
            assert time.monotonic() - started < 1


async def test_an_address_that_refuses_is_followed_by_the_next_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialling, "ATTEMPT_DELAY", 60.0)
    async with listening() as port:
        resolve_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1", port=port)
        with await dial(NETWORK, "host", port, 5) as sock:
            assert sock.getpeername() == ("127.0.0.1", port)


async def test_the_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "")
    four = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*six, (f"::{n}", 22, 0, 0)) for n in range(1, 20)]
    found += [(*four, (f"10.0.0.{n}", 22)) for n in range(1, 3)]  # type: ignore[misc]

    async def getaddrinfo(*args: object, **kwargs: object) -> object:
        return found + found  # some resolvers repeat themselves

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    addresses = [address[0] for _, address in await dialling.resolve(NETWORK, "host", 22)]
    assert addresses[:5] == ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"]
    assert len(addresses) == ADDRESSES_MAX


async def test_no_name() -> None:
    with pytest.raises(BadRequestError, match="hostname is empty"):
        await dial(NETWORK, "", 22, 1)


@pytest.mark.parametrize(
    "host",
    ["host.invalid", "a..b", "x" * 300, "ho st", "\N{SNOWMAN}" * 70, "a\0b", "127.0.0.1\0.example"],
)
async def test_an_unknown_name(host: str) -> None:
    with pytest.raises(UpstreamNotFoundError, match="is unknown"):
        await dial(NETWORK, host, 22, 5)


@pytest.mark.parametrize(
    ("host", "remedy"),
    [
        ("host.invalid", "check the name, or give its address"),
        ("host.invalid:3389", "without the port, which is the parameter port"),
        ("[::1]:3389", "without the port, which is the parameter port"),
        ("rdp://host.invalid", "without the protocol before it"),
        (":1", "check the name"),
        ("host:x", "check the name"),
    ],
)
async def test_what_to_do_about_an_unknown_name(host: str, remedy: str) -> None:
    with pytest.raises(UpstreamNotFoundError) as raised:
        await dial(NETWORK, host, 22, 5)
    assert remedy in str(raised.value)


async def test_a_closed_port() -> None:
    with pytest.raises(UpstreamUnavailableError, match="refuses connections"):
        await dial(NETWORK, "127.0.0.1", free_port(), 5)


async def test_a_host_that_does_not_answer() -> None:
    with swallowing("127.0.0.2") as port:
        started = time.monotonic()
        with pytest.raises(UpstreamTimeoutError, match=r"does not answer .* within 0.2 s"):
            await dial(NETWORK, "127.0.0.2", port, 0.2)
        assert time.monotonic() - started < 1


async def test_no_route() -> None:
    with pytest.raises(UpstreamNotFoundError, match="cannot be reached"):
        await dial(NETWORK, "255.255.255.255", 22, 5)


async def test_cancelling_leaves_nothing_behind() -> None:
    with swallowing("127.0.0.2") as port:
        before = asyncio.all_tasks()
        task = asyncio.create_task(dial(NETWORK, "127.0.0.2", port, 60))
        while len(asyncio.all_tasks()) < len(before) + 2:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == before
