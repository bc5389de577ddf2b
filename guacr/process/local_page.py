"""A page for this user on this machine: its address is printed, and opened in the browser."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import webbrowser
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress

from guacr import garbage

HOST = "127.0.0.1"
BROWSER_TIMEOUT = 60.0
"""Seconds within which the browser must open; then only the printed address works."""
REQUEST_TIMEOUT = 5.0
_SECRET_BYTES = 24

_REDIRECTION = (
    "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


def new_secret() -> str:
    """Return a secret that only those know to whom it is shown."""
    return secrets.token_urlsafe(_SECRET_BYTES)


async def present(
    served: AbstractAsyncContextManager[str], *, notes: Iterable[str] = (), open_browser: bool
) -> None:
    """Enter `served`, which yields the page's URL with its secret; show it until Ctrl-C."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    async with served as address:
        garbage.resume()
        _say(f"guacr is ready at\n\n    {address}\n")
        for note in notes:
            _say(note)
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


async def _open_browser(address: str) -> None:
    """Open `address` in the browser, without showing its secret in the list of processes, which
    other users of this machine can read: the browser gets an address that redirects there once."""
    path = f"/{new_secret()}"
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
