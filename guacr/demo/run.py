"""`guacr demo`: the daemon with its own shell and desktop to connect to, for this user on this
machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from guacr.daemon import Daemon
from guacr.demo.desktop import DemoDesktop
from guacr.demo.shell import DemoShell
from guacr.process.local_page import HOST, REQUEST_TIMEOUT, new_secret, present
from guacr.settings.models import Connection, ServerSettings, Settings, WebSocketSettings

RDP_PORT = 3389
"""Where this machine's own RDP server is, such as xrdp."""
DESKTOP_PACKAGES = "on Debian tigervnc-standalone-server and tigervnc-tools, or x11vnc and xvfb"


def run(settings: Settings, *, port: int, open_browser: bool) -> int:
    """Serve the demo's page on `port` (0 for a free one) until Ctrl-C; return the exit status.

    Raises:
        SettingsError: the port cannot be used.
    """
    asyncio.run(_demonstrate(settings, port, open_browser=open_browser))
    return 0


async def _demonstrate(settings: Settings, port: int, *, open_browser: bool) -> None:
    notes = []
    if not DemoDesktop.is_available():
        notes = [f"To see a desktop, too, install TigerVNC or x11vnc ({DESKTOP_PACKAGES})."]
    await present(_served(settings, port), notes=notes, open_browser=open_browser)


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
        secret = new_secret()
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
