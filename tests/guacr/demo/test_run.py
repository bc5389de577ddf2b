"""The command `guacr demo`, as a person runs it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from guacr.demo import run as demo
from guacr.demo.desktop import DemoDesktop
from guacr.settings.models import Settings
from guacr.testing.wire import Splitter, write
from tests.support.waiting import free_port

WITHIN = 50.0
"""Seconds for the demo's start and its test."""


@asynccontextmanager
async def running(
    *arguments: str, cwd: Path
) -> AsyncIterator[tuple[URL, asyncio.subprocess.Process]]:
    """The demo in a process of its own; its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "guacr", "demo", "--no-browser", *arguments,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(Path(demo.__file__).parents[1]), "HOME": str(cwd)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WITHIN):
            yield await _address(process), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGHUP)
        await process.communicate()
    assert process.returncode == 0


async def _address(process: asyncio.subprocess.Process) -> URL:
    assert process.stdout is not None
    async for line in process.stdout:
        if found := re.search(rb"http://\S+", line):
            return URL(found[0].decode())
    raise AssertionError("it printed no address")


async def test_one_click_leads_to_a_shell_for_those_who_have_the_address(tmp_path: Path) -> None:
    port = free_port()
    async with running("--port", str(port), cwd=tmp_path) as (address, process):
        assert (address.host, address.port) == ("127.0.0.1", port)
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as visitor:
            async with visitor.get(address.with_query({})) as answer:
                assert answer.status in (401, 403)
            async with visitor.get(address.with_query(secret="guess")) as answer:
                assert answer.status in (401, 403)
            async with visitor.get(address) as answer:
                assert answer.status == 200
            async with visitor.get(address.origin() / "api/connections") as answer:
                listing = await answer.text()
                assert '"Shell"' in listing
                assert "Test card" in listing
                assert "Sample database" in listing
                assert ('"Desktop"' in listing) is DemoDesktop.is_available()
                assert "PRIVATE" not in listing
            await _reach_a_prompt(visitor, address.origin() / "websocket" % {"connection": "shell"})
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def _reach_a_prompt(visitor: aiohttp.ClientSession, address: URL) -> None:
    """Pictures come, and after `exit` the end without an error."""
    opcodes = []
    splitter = Splitter()
    async with visitor.ws_connect(
        address, protocols=["guacamole"], origin=str(address.origin()).replace("ws", "http")
    ) as socket:
        await socket.send_str(write("size", 800, 600, 96).decode())
        async for message in socket:
            for received in splitter.feed(message.data.encode()):
                opcodes.append(received.opcode)
                assert received.opcode != "error", received.args
                if received.opcode == "sync":
                    await socket.send_str(write("sync", received.args[0]).decode())
                if received.opcode == "name":  # the session has logged in
                    for character in "exit\r":
                        keysym = 0xFF0D if character == "\r" else ord(character)
                        await socket.send_str(write("key", keysym, 1).decode())
                        await socket.send_str(write("key", keysym, 0).decode())
    assert {"img", "blob", "sync", "disconnect"} <= set(opcodes)


async def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "guacr", "demo", "--no-browser", "--port", port,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(demo.__file__).parents[1])},
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert port in errors.decode().splitlines()[-1]
    assert "Traceback" not in errors.decode()


async def test_an_rdp_server_of_this_machine_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def offered() -> bool:
        async with demo._served(Settings(), 0) as page:
            address = URL(page)
            jar = aiohttp.CookieJar(unsafe=True)
            async with aiohttp.ClientSession(cookie_jar=jar) as visitor:
                async with visitor.get(address) as answer:
                    assert answer.status == 200
                async with visitor.get(address.origin() / "api/connections") as answer:
                    return '"Remote Desktop"' in await answer.text()

    monkeypatch.setattr(DemoDesktop, "is_available", lambda: False)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        monkeypatch.setattr(demo, "RDP_PORT", server.sockets[0].getsockname()[1])
        assert await offered()
    monkeypatch.setattr(demo, "RDP_PORT", free_port())
    assert not await offered()
