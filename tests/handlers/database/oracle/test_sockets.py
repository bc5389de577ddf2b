"""A listener that sends its clients to another address, as those of clusters do."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from guacr.api import ForbiddenError, Network, UpstreamError
from guacr.policy.client import NOBODY
from guacr.policy.policy import Policy
from guacr.policy.rule import Request
from guacr.settings.access import AccessSettings
from handlers.database.oracle.adapter import OracleAdapter
from handlers.database.params import OracleParams

HEADER = struct.Struct(">HHBBH")
REDIRECT, DATA = 5, 6
HERE = "(ADDRESS=(PROTOCOL=tcp)(HOST={})(PORT={}))\0(CONNECT_DATA=(SERVICE_NAME=x))"


@asynccontextmanager
async def listener(target: str, connections: list[str]) -> AsyncIterator[int]:
    """Redirects its first client to `target`, at the same port, and closes later connections."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address, port = writer.get_extra_info("sockname")
        connections.append(address)
        writers.append(writer)
        size, *_ = HEADER.unpack(await reader.readexactly(HEADER.size))
        await reader.readexactly(size - HEADER.size)
        if len(connections) == 1:
            data = HERE.format(target, port).encode()
            for kind, body in ((REDIRECT, struct.pack(">H", len(data))), (DATA, b"\0\0" + data)):
                writer.write(HEADER.pack(HEADER.size + len(body), 0, kind, 0, 0) + body)
            await writer.drain()
        else:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        async with await asyncio.start_server(serve, "127.0.0.2", port):
            yield port
            for writer in writers:
                writer.close()


def network(*targets: str) -> Network:
    policy = Policy(AccessSettings.model_validate({"rules": [{"targets": targets}]}))
    return Network(lambda: policy, Request(NOBODY, "oracle"), lambda *_: None)


async def attempt(port: int, allowed: Network) -> None:
    params = OracleParams(hostname="127.0.0.1", port=port, username="u", timeout=10)
    await OracleAdapter(params, network=allowed).connect("p")


async def test_it_is_followed_where_the_rules_allow_it() -> None:
    connections: list[str] = []
    async with listener("127.0.0.2", connections) as port:
        with pytest.raises(UpstreamError):
            await attempt(port, network("127.0.0.0/8"))
    assert connections == ["127.0.0.1", "127.0.0.2"]


async def test_it_is_not_followed_elsewhere() -> None:
    connections: list[str] = []
    async with listener("127.0.0.2", connections) as port:
        with pytest.raises(ForbiddenError, match=r"host '127.0.0.2'"):
            await attempt(port, network("127.0.0.1"))
    assert connections == ["127.0.0.1"]
