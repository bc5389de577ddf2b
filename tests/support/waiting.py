"""Waiting for conditions, with a time-out that says what did not happen."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

POLL = 0.005
"""Seconds between two looks at a condition that nothing announces."""


async def until(condition: Callable[[], object], what: str, timeout: float = 10.0) -> None:
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


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])
