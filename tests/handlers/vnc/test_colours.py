"""Servers with other colours than most: big-endian ones, few colours, and colour maps."""

from __future__ import annotations

import struct

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.xvnc import xvnc

BIG_ENDIAN = struct.pack(">BBBBHHHBBB3x", 32, 24, 1, 1, 255, 255, 255, 16, 8, 0)
INDICES = struct.pack(">BBBBHHHBBB3x", 8, 8, 0, 0, 0, 0, 0, 0, 0, 0)
ALL = struct.pack(">HHHHi", 0, 0, *SIZE, 0)


async def log_in(peer: RfbPeer) -> None:
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))


async def shows(client: GuacClient, colour: tuple[int, int, int]) -> None:
    """Until the client shows this colour everywhere."""

    def same() -> bool:
        shown = client.canvas.flatten()
        return shown.size > 0 and bool((shown == colour).all())

    await client.wait(same, f"{colour}")


async def test_a_big_endian_server_is_asked_for_the_usual_order(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await log_in(peer)
        wanted = await peer.begin(BIG_ENDIAN)
        assert wanted[2:4] == b"\0\1"
        red = struct.unpack(">HHHBBB", wanted[4:13])[3]
        peer.rectangle(ALL, (0xFE << red).to_bytes(4, "little") * SIZE[0] * SIZE[1])
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await shows(client, (0xFE, 0, 0))


async def test_a_server_with_a_colour_map(daemon: Daemon) -> None:
    """Once the colours of what is shown have changed, everything is requested again."""

    def colour(entry: tuple[int, int, int]) -> bytes:
        return struct.pack(">BxHH3H", 1, 0, 1, *(each << 8 for each in entry))

    async def script(peer: RfbPeer) -> None:
        await log_in(peer)
        wanted = await peer.begin(INDICES)
        assert (wanted[0], wanted[3]) == (8, 0)
        for entry in ((10, 20, 30), (40, 50, 60)):
            peer.send(colour(entry), colour(entry))
            incremental = (await peer.read(10))[1]
            assert not incremental
            peer.rectangle(ALL, bytes(SIZE[0] * SIZE[1]))
            incremental = (await peer.read(10))[1]
            assert incremental
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(
            address(daemon), "vnc", server.parameters | {"color-depth": "8"}
        ) as client,
    ):
        await shows(client, (40, 50, 60))


@pytest.mark.parametrize("depth", ["", "24"])
async def test_a_server_with_16_bits(daemon: Daemon, depth: str) -> None:
    async with xvnc("-depth", "16") as desktop:
        desktop.run("xsetroot", "-solid", "#f6dae6")
        parameters = desktop.parameters | {"color-depth": depth, "cursor": "local"}
        async with await GuacClient.connect(address(daemon), "vnc", parameters) as client:
            await client.wait(lambda: client.state.syncs, "the desktop")
            client.mouse(1, 1)
            await shows(client, (0xF6, 0xDA, 0xE6))
