"""`guacr demo`: the daemon with a shell of its own to connect to, for this user on this machine."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from guacr.daemon import Daemon
from guacr.demo_shell import DemoShell
from guacr.settings import Connection, ServerSettings, Settings, WebSocketSettings

HOST = "127.0.0.1"
SECRET_BYTES = 24
BROWSER_TIMEOUT = 60.0
"""Seconds in which the browser has to open; afterwards only the printed address leads anywhere."""
REQUEST_TIMEOUT = 5.0

_REDIRECTION = (
    "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


def run(settings: Settings, *, port: int, open_browser: bool) -> int:
    """Serve the demo's page on `port` (0 for a free one) until Ctrl-C; the exit status.

    Raises:
        SettingsError: the port cannot be used.
    """
    asyncio.run(_demonstrate(settings, port, open_browser=open_browser))
    return 0


async def _demonstrate(settings: Settings, port: int, *, open_browser: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with _served(settings, port) as address:
        _say(f"guacr is ready at\n\n    {address}\n\nPress Ctrl-C to stop.")
        browser = None
        if open_browser and _has_desktop():
            browser = asyncio.create_task(_open_browser(address), name="browser")
        await stopped.wait()
        if browser is not None:
            browser.cancel()
            await asyncio.wait([browser])
    _say("guacr has stopped.")


@asynccontextmanager
async def _served(settings: Settings, port: int) -> AsyncIterator[str]:
    """The shell and the page, until the block ends; the page's address with its secret."""
    shell = DemoShell()
    await shell.start()
    try:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        daemon = Daemon(_settings(settings, port, shell.parameters), secret=secret)
        await daemon.start()
        try:
            yield f"http://{HOST}:{daemon.web_port}/?secret={secret}"
        finally:
            await daemon.close()
    finally:
        await shell.close()


def _settings(settings: Settings, port: int, parameters: dict[str, str]) -> Settings:
    """The demo's own: nothing but the page, and that on this machine alone."""
    connections = {
        "shell": Connection(protocol="ssh", title="Shell", parameters=parameters),
        "sample": Connection(
            protocol="sqlite", title="Sample database", parameters={"database": ":sample:"}
        ),
        "testcard": Connection(protocol="testcard", title="Test card"),
    }
    changes = {
        "server": ServerSettings(hosts=()),
        "websocket": WebSocketSettings(hosts=(HOST,), port=port),
        "connections": connections,
    }
    return settings.model_copy(update=changes)


async def _open_browser(address: str) -> None:
    """Open `address` in the browser, without its secret in the list of processes, which other
    users of this machine can read: the browser is given an address that leads there once."""
    path = f"/{secrets.token_urlsafe(SECRET_BYTES)}"
    used = asyncio.Event()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, ValueError, ConnectionError):
            request = await asyncio.wait_for(reader.readline(), REQUEST_TIMEOUT)
            if request.split(b" ")[:2] == [b"GET", path.encode()] and not used.is_set():
                used.set()
                writer.write(_REDIRECTION.format(address).encode())
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(lead, HOST, 0) as server:
        door = f"http://{HOST}:{server.sockets[0].getsockname()[1]}{path}"
        await asyncio.to_thread(webbrowser.open, door)
        with suppress(TimeoutError):
            await asyncio.wait_for(used.wait(), BROWSER_TIMEOUT)


def _has_desktop() -> bool:
    """Whether a browser would open a window, and not take over this terminal."""
    if sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
