"""The pointer, with a server that supports more than seven buttons, as TigerVNC does since 1.15."""

from __future__ import annotations

import struct

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.rfb import numbers
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.waiting import until


async def test_buttons_beyond_the_seventh(daemon: Daemon) -> None:
    """Nothing may set the highest bit before the server has said that it knows its meaning."""
    moves: list[bytes] = []

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        moves.append(await peer.read(6))
        peer.rectangle(struct.pack(">HHHHi", 0, 0, *SIZE, numbers.MOUSE_BUTTONS))
        peer.send(b"\2")
        assert (await peer.read(10))[0] == 3
        peer.rectangle(struct.pack(">HHHHi", 0, 0, 1, 1, 0), b"\0\0\xff\0")
        assert (await peer.read(10))[0] == 3
        moves.extend([await peer.read(size) for size in (7, 6, 7, 6)])
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        await client.wait(lambda: client.state.syncs, "the picture")
        client.mouse(1, 2, 0x1C1)
        await client.wait(lambda: client.canvas.flatten()[0, 0].any(), "the last picture")
        client.mouse(3, 4, 0x101)
        client.mouse(3, 4, 0x21)
        client.mouse(3, 4, 0x80)
        await client.drain()
        await client.close()  # the button is still pressed
        await until(lambda: len(moves) == 5, "the release")
    assert moves == [
        struct.pack(">BBHH", 5, 0x41, 1, 2),
        struct.pack(">BBHHB", 5, 0x81, 3, 4, 2),
        struct.pack(">BBHH", 5, 0x21, 3, 4),
        struct.pack(">BBHHB", 5, 0x80, 3, 4, 1),
        struct.pack(">BBHH", 5, 0, 3, 4),
    ]
