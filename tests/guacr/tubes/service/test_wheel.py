"""The published wheel as the client of a session: its tunnel carries the Guacamole protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import aiohttp
import pytest

from guacr.protocol.instruction import encode
from guacr.testing.wire import Received, Splitter
from tests.support.loopback import SketchHandler
from tests.support.site import running_site
from tests.support.waiting import until
from tests.support.wheel import Wheel, wheel, wheel_network

SETTINGS = {"conversationType": "tunnel", "local_listen_addr": "127.0.0.1:0"}


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with wheel_network():
        yield


async def signal(
    socket: aiohttp.ClientWebSocketResponse, peer: Wheel, tube: str, offer: str
) -> None:
    """Carry descriptions and candidates."""
    await socket.send_json({"type": "offer", "sdp": offer})
    told = 0
    while not socket.closed:
        for candidate in peer.candidates()[told:]:
            await socket.send_json({"type": "candidate", "candidate": candidate})
            told += 1
        try:
            message = await socket.receive_json(timeout=0.01)
        except TimeoutError:
            continue
        if message["type"] == "answer":
            await peer.set_remote(tube, message["sdp"], is_answer=True)
        elif message["type"] == "candidate" and message["candidate"]:
            await peer.call("add_ice_candidate", tube, message["candidate"])


async def read(reader: asyncio.StreamReader, received: list[Received]) -> None:
    splitter = Splitter()
    while data := await reader.read(65536):
        received += splitter.feed(data)


async def test_a_session() -> None:
    async with running_site(webrtc={"enabled": True}) as site, wheel() as peer:
        created = await peer.create("guacamole", SETTINGS)
        url = f"{site.origin}/webrtc?connection=sketch"
        async with site.http.ws_connect(url) as socket:
            tube, offer = created["tube_id"], created["description"]
            signalling = asyncio.create_task(signal(socket, peer, tube, offer))
            port = int(created["actual_local_listen_addr"].rsplit(":", 1)[1])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            received: list[Received] = []
            reading = asyncio.create_task(read(reader, received))
            await until(lambda: any(one.opcode == "sync" for one in received), "the first frame")
            assert (received[0].opcode, len(received[0].args[0])) == ("", 36)
            writer.write(encode("key", 0x61, 1))
            (session,) = site.bench.registry.sessions.values()
            handler = cast(SketchHandler, session.handler)
            await until(lambda: ("key", 0x61, True) in handler.events, "the key")
            handler.end.set_result(None)
            await until(reading.done, "the end of the wheel's client")
            writer.close()
            signalling.cancel()
            await asyncio.wait((signalling,))
        assert site.tubes is not None
        tubes = site.tubes
        await until(lambda: tubes.tubes == 0, "the end of the tube")
