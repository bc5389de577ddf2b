"""`guacr demo`: the daemon with a shell of its own to connect to, for this user on this machine."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import webbrowser

from guacr.daemon import Daemon
from guacr.demo_shell import DemoShell
from guacr.settings import Connection, ServerSettings, Settings, WebSocketSettings

HOST = "127.0.0.1"
SECRET_BYTES = 24


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
    shell = DemoShell()
    await shell.start()
    try:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        daemon = Daemon(_settings(settings, port, shell.parameters), secret=secret)
        await daemon.start()
        try:
            address = f"http://{HOST}:{daemon.web_port}/?secret={secret}"
            _say(f"guacr is ready at\n\n    {address}\n\nPress Ctrl-C to stop.")
            if open_browser and _has_desktop():
                await asyncio.to_thread(webbrowser.open, address)
            await stopped.wait()
        finally:
            await daemon.close()
    finally:
        await shell.close()
    _say("guacr has stopped.")


def _settings(settings: Settings, port: int, parameters: dict[str, str]) -> Settings:
    """The demo's own: nothing but the page, and that on this machine alone."""
    connections = {
        "shell": Connection(protocol="ssh", title="Shell", parameters=parameters),
        "testcard": Connection(protocol="testcard", title="Test card"),
    }
    changes = {
        "server": ServerSettings(hosts=()),
        "websocket": WebSocketSettings(hosts=(HOST,), port=port),
        "connections": connections,
    }
    return settings.model_copy(update=changes)


def _has_desktop() -> bool:
    """Whether a browser would open a window, and not take over this terminal."""
    if sys.platform == "darwin":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
