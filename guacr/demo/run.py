"""`guacr demo`: the daemon with its own shell and desktop to connect to, for this user on this
machine."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from guacr import garbage
from guacr.daemon import Daemon
from guacr.demo.desktop import DemoDesktop
from guacr.demo.shell import DemoShell
from guacr.settings.models import Connection, ServerSettings, Settings, WebSocketSettings

HOST = "127.0.0.1"
SECRET_BYTES = 24
BROWSER_TIMEOUT = 60.0
"""Seconds within which the browser must open; then only the printed address works."""
REQUEST_TIMEOUT = 5.0
RDP_PORT = 3389
"""Where this machine's own RDP server is, such as xrdp."""
DESKTOP_PACKAGES = "on Debian tigervnc-standalone-server and tigervnc-tools, or x11vnc and xvfb"

_REDIRECTION = (
    "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


def run(settings: Settings, *, port: int, open_browser: bool) -> int:
    """Serve the demo's page on `port` (0 for a free one) until Ctrl-C; return the exit status.

    Raises:
        SettingsError: the port cannot be used.
    """
    asyncio.run(_demonstrate(settings, port, open_browser=open_browser))
    return 0


async def _demonstrate(settings: Settings, port: int, *, open_browser: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with _served(settings, port) as address:
        garbage.resume()
        _say(f"guacr is ready at\n\n    {address}\n")
        if not DemoDesktop.is_available():
            _say(f"To see a desktop, too, install TigerVNC or x11vnc ({DESKTOP_PACKAGES}).")
        _say("Press Ctrl-C to stop.")
        browser = None
        if open_browser and _has_desktop():
            browser = asyncio.create_task(_open_browser(address), name="browser")
        await stopped.wait()
        if browser is not None:
            browser.cancel()
            await asyncio.wait([browser])
    with suppress(OSError):  # the terminal may have been closed
        _say("guacr has stopped.")


@asynccontextmanager
async def _served(settings: Settings, port: int) -> AsyncIterator[str]:
    """Serve the shell, the desktop and the page until the block ends; yield the page's URL with its
    secret."""
    async with AsyncExitStack() as stack:
        shell = DemoShell()
        stack.push_async_callback(shell.close)
        await shell.start()
        connections = {
            "shell": Connection(protocol="ssh", title="Shell", parameters=shell.parameters)
        }
        if DemoDesktop.is_available():
            desktop = DemoDesktop()
            stack.push_async_callback(desktop.close)
            if await desktop.start():
                connections["desktop"] = Connection(
                    protocol="vnc", title="Desktop", parameters=desktop.parameters
                )
        if await _answers(RDP_PORT):
            connections["remote"] = Connection(
                protocol="rdp",
                title="Remote Desktop",
                parameters={
                    "hostname": HOST,
                    "port": str(RDP_PORT),
                    "ignore-cert": "true",
                    "resize-method": "display-update",
                },
            )
        secret = secrets.token_urlsafe(SECRET_BYTES)
        daemon = Daemon(_settings(settings, port, connections), secret=secret)
        await daemon.start()
        stack.push_async_callback(daemon.close)
        yield f"http://{HOST}:{daemon.web_port}/?secret={secret}"


def _settings(settings: Settings, port: int, connections: dict[str, Connection]) -> Settings:
    """Return the demo's settings: only the page, and only on this machine."""
    samples = {
        "sample": Connection(
            protocol="sqlite", title="Sample database", parameters={"database": ":sample:"}
        ),
        "testcard": Connection(protocol="testcard", title="Test card"),
    }
    changes = {
        "server": ServerSettings(hosts=()),
        "websocket": WebSocketSettings(hosts=(HOST,), port=port),
        "connections": connections | samples,
    }
    return settings.model_copy(update=changes)


async def _answers(port: int) -> bool:
    """Return whether something listens on a port of this machine."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT):
            _, writer = await asyncio.open_connection(HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def _open_browser(address: str) -> None:
    """Open `address` in the browser, without showing its secret in the list of processes, which
    other users of this machine can read: the browser gets an address that redirects there once."""
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
    """Return whether a browser would open a window, instead of taking over this terminal."""
    if sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
