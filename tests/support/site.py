"""The page's server in the test's own event loop, with the sketch protocol, and its WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from guacr.access.keys import ProcessKeys
from guacr.control.local import LocalControl
from guacr.protocol.instruction import encode
from guacr.settings.models import Settings
from guacr.testing.wire import Received, Splitter
from guacr.tubes.service.service import TubeService
from guacr.web.app import close_tunnels, create_app
from guacr.web.listener import create_runner
from tests.support.loopback import Bench

RECEIVE_TIMEOUT = 20.0
CLOSE_TIMEOUT = 0.2
"""Seconds that a test's client waits for the server's part in closing."""


@dataclass(slots=True)
class Site:
    """A running server and a client session."""

    bench: Bench
    runner: web.AppRunner
    http: aiohttp.ClientSession
    origin: str
    tubes: TubeService | None = None
    sockets: list[Socket] = field(default_factory=list)

    async def connect(self, query: str = "connection=sketch", **options: Any) -> Socket:
        """A WebSocket as a browser opens it; `options` are aiohttp's."""
        url = f"{self.origin}/websocket?{query}"
        defaults: dict[str, Any] = {"protocols": ["guacamole"], "max_msg_size": 0}
        timeout = aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT)
        socket = await self.http.ws_connect(url, **(defaults | options), timeout=timeout)
        self.sockets.append(Socket(socket))
        return self.sockets[-1]

    async def close(self) -> None:
        """End the tunnels, then the server; repeated calls do nothing."""
        await close_tunnels(self.runner.app)
        await self.runner.cleanup()


class Socket:
    """One WebSocket and the instructions that came through it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[str] = []
        self.received: list[Received] = []
        self.reason = ""
        """Of the closing frame."""
        self._splitter = Splitter()

    async def send(self, opcode: str, *args: str | int) -> None:
        """Send one instruction."""
        await self.socket.send_str(encode(opcode, *args).decode())

    async def until(self, opcode: str) -> tuple[str, ...]:
        """The arguments of the next instruction with `opcode`.

        Raises:
            AssertionError: the server closed before.
        """
        while True:
            for received in await self.next():
                if received.opcode == opcode:
                    return received.args

    async def next(self) -> list[Received]:
        """The instructions of the next frame."""
        message = await self._message()
        assert message is not None, f"closed with {self.socket.close_code} before"
        self.frames.append(message)
        received = self._splitter.feed(message.encode())
        self.received += received
        return received

    async def closed(self) -> tuple[int | None, str]:
        """The code and reason with which the server closes; until then all is received."""
        while (message := await self._message()) is not None:
            self.frames.append(message)
            self.received += self._splitter.feed(message.encode())
        return self.socket.close_code, self.reason

    def all(self, opcode: str) -> list[tuple[str, ...]]:
        """Arguments of every received instruction of one opcode."""
        return [one.args for one in self.received if one.opcode == opcode]

    async def _message(self) -> str | None:
        async with asyncio.timeout(RECEIVE_TIMEOUT):
            message = await self.socket.receive()
        if message.type is WSMsgType.CLOSE:
            self.reason = message.extra or ""
        return message.data if message.type is WSMsgType.TEXT else None


@asynccontextmanager
async def running_site(secret: str | None = None, **sections: object) -> AsyncIterator[Site]:
    """A server on a free port; `sections` are those of the settings."""
    connections = {"sketch": {"protocol": "sketch", "title": "A sketch"}}
    settings = Settings.model_validate({"connections": connections} | sections)
    bench = Bench(settings)
    keys, protocols = ProcessKeys.generate(), bench.registry.protocols
    tubes = TubeService(settings) if settings.webrtc.enabled else None
    signalling = None if tubes is None else tubes.serve
    app = create_app(
        settings,
        bench.registry,
        protocols,
        keys,
        LocalControl(bench.registry),
        secret=secret,
        signalling=signalling,
    )
    runner = create_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    http = aiohttp.ClientSession()
    site = Site(bench, runner, http, origin, tubes)
    try:
        async with http:
            yield site
            for one in site.sockets:
                await one.socket.close()
    finally:
        if tubes is not None:
            tubes.stop()
        await bench.close()
        await site.close()
        if tubes is not None:
            await tubes.close()
