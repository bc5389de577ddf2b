"""What reaches a session by WebRTC as a browser does: guacr's own peer connection offers, signals
over the page's WebSocket, and speaks the frames of tubes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType

from guacr.protocol.instruction import encode as instruction
from guacr.testing.wire import Received, Splitter
from guacr.tubes.rtc.ice.settings import IceSettings
from guacr.tubes.rtc.peer import PeerConnection, PeerSettings, PeerState
from guacr.tubes.sctp import Channel
from guacr.tubes.wire import control
from guacr.tubes.wire.control import CloseConnection, ControlMessage, OpenConnection
from guacr.tubes.wire.frames import FrameParser, encode
from tests.support.site import Site
from tests.support.waiting import until

LOOPBACK = IceSettings(loopback=True, interfaces=("lo",), keep_alive=0.1)
WEBRTC: dict[str, object] = {"enabled": True, "loopback": True, "interfaces": ["lo"]}
"""The section of the settings."""
RECEIVE_TIMEOUT = 20.0


class BrowserPeer:
    """The page's side of a tube."""

    def __init__(self, site: Site, ice: IceSettings = LOOPBACK) -> None:
        self.site = site
        self.peer = PeerConnection(PeerSettings(ice=ice), offers=True)
        self.socket: aiohttp.ClientWebSocketResponse
        self.told: list[dict[str, Any]] = []
        """The server's messages."""
        self.received: list[Received] = []
        self.controls: list[ControlMessage] = []
        self.is_closed = False
        """The channel is closed."""
        self.channel: Channel
        self._parser, self._splitter = FrameParser(), Splitter()
        self._reader: asyncio.Task[None] | None = None
        self._candidates: list[str] = []
        self.peer.on_candidate = self._candidates.append

    # ---- signalling

    async def dial(self, query: str = "connection=sketch", **options: Any) -> None:
        """Open a signalling connection, and collect what the server says."""
        url = f"{self.site.origin}/webrtc?{query}"
        self.socket = await self.site.http.ws_connect(url, **options)
        self._reader = asyncio.create_task(self._read(self.socket))

    async def say(self, kind: str, **values: object) -> None:
        """Send a signalling message."""
        await self.socket.send_str(json.dumps({"type": kind, **values}))

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """The server's messages of a type."""
        return [one for one in self.told if one["type"] == kind]

    async def told_error(self) -> dict[str, Any]:
        """The error with which the server has closed."""
        await until(lambda: self.socket.closed, "the end of signalling")
        (error,) = self.heard("error")
        return error

    async def offer(self, *, restart: bool = False) -> None:
        """Make an offer, take the answer, and exchange candidates."""
        answers = len(self.heard("answer"))
        self._candidates.clear()
        peer = self.peer
        sdp = await (peer.restart_ice() if restart else peer.create_offer())
        await self.say("offer", sdp=sdp)
        await until(lambda: len(self.heard("answer")) > answers, "the answer")
        self.peer.set_remote(self.heard("answer")[-1]["sdp"], is_answer=True)
        await until(lambda: "" in self._candidates, "the candidates")
        for candidate in self._candidates:
            await self.say("candidate", candidate=candidate)
        await until(lambda: any(not c["candidate"] for c in self.heard("candidate")), "theirs")
        for message in self.heard("candidate"):
            self.peer.add_candidate(message["candidate"])

    async def connect(self, query: str = "connection=sketch") -> None:
        """Connect, and open the channel."""
        await self.dial(query)
        await self.offer()
        await until(lambda: self.peer.state is PeerState.CONNECTED, "the connection")
        self.channel = self.open_channel()

    def open_channel(self, label: str = "guacamole") -> Channel:
        """Open a channel whose frames are collected."""
        channel = self.peer.open_channel(label)
        channel.on_message = self._on_message
        channel.on_close = self._on_close
        return channel

    async def open(self, query: str = "connection=sketch") -> None:
        """Connect, and open connection 1."""
        await self.connect(query)
        self.control(OpenConnection(1))

    # ---- frames

    def control(self, message: ControlMessage) -> None:
        """Send a control message."""
        self.channel.send(encode(0, message.encode(), 0))

    def send(self, opcode: str, *args: str | int) -> None:
        """Send one instruction."""
        self.data(instruction(opcode, *args))

    def data(self, data: bytes, number: int = 1) -> None:
        """Send a frame."""
        self.channel.send(encode(number, data, 0))

    async def until(self, opcode: str, count: int = 1) -> tuple[str, ...]:
        """The arguments of the `count`-th instruction with `opcode`."""
        await until(lambda: len(self.all(opcode)) >= count, f"{opcode}, of {self.received[-3:]}")
        return self.all(opcode)[count - 1]

    def all(self, opcode: str) -> list[tuple[str, ...]]:
        """Arguments of every received instruction of one opcode."""
        return [one.args for one in self.received if one.opcode == opcode]

    @property
    def closes(self) -> list[CloseConnection]:
        """The messages that close connection 1."""
        messages = [one for one in self.controls if isinstance(one, CloseConnection)]
        return [one for one in messages if one.conn_no == 1]

    async def close(self) -> None:
        """Release everything."""
        await self.peer.close()
        if self._reader is not None:
            await self.socket.close()
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    # ---- internals

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.told.append(json.loads(message.data))

    def _on_message(self, message: bytes) -> None:
        for number, payload in self._parser.feed(message):
            if number:
                self.received += self._splitter.feed(payload)
            elif (parsed := control.parse(payload)) is not None:
                self.controls.append(parsed)

    def _on_close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def browser_peer(site: Site, ice: IceSettings = LOOPBACK) -> AsyncIterator[BrowserPeer]:
    """A browser, which is gone with the block."""
    peer = BrowserPeer(site, ice)
    try:
        yield peer
    finally:
        await peer.close()
