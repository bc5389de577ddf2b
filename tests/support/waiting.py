"""Waiting for conditions, with a time-out that says what did not happen."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PORTS = range(15000, 32000)
"""Below those that the system gives (net.ipv4.ip_local_port_range)."""
POLL = 0.005
"""Seconds between two looks at a condition that nothing announces."""


async def until(condition: Callable[[], object], what: str, timeout: float = 20.0) -> None:
    """Wait until `condition` holds.

    Raises:
        AssertionError: it did not within `timeout` seconds; the text says `what` was awaited.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not condition():
        if loop.time() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain: {what}")
        await asyncio.sleep(POLL)


async def until_saved(path: Path, content: bytes) -> None:
    """Wait until the file at `path` has `content`: whoever saves it creates it empty."""
    await until(
        lambda: path.exists() and path.read_bytes() == content,
        f"{path.name} with {len(content)} bytes",
    )


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on, and that the system gives to no one who asks for any
    port or connects: it stays free until a server has started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = secrets.choice(PORTS)
        with socket.socket(family) as sock, suppress(OSError):
            sock.bind((host, port))
            return port


def listens(port: int) -> bool:
    """Return whether something listens on a port of this machine, without connecting to it."""
    listening = re.compile(rf":{port:04X} 0+:0000 0A")
    for family in ("tcp", "tcp6"):
        with suppress(OSError):
            if listening.search(Path("/proc/net", family).read_text()):
                return True
    return False
