"""Waiting for conditions, with a time-out that says what did not happen."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PORTS = range(15000, 32000)
"""Below those that the system gives (net.ipv4.ip_local_port_range)."""
POLL = 0.005
"""Seconds between two looks at a condition that nothing announces."""

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
TCP_LISTEN = 10
PORT_AT = 20
"""The place of the local port in a message, after its header."""


async def until(condition: Callable[[], object], what: str, timeout: float = 40.0) -> None:
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
    """Return whether something listens on a TCP port of this machine, without connecting to it."""
    return any(port in _listening(family) for family in (socket.AF_INET, socket.AF_INET6))


def _listening(family: socket.AddressFamily) -> set[int]:
    """Return the TCP ports that are listened on. The kernel's file of all sockets would tell it,
    too, but takes milliseconds to read (linux/sock_diag.h, linux/inet_diag.h)."""
    request = struct.pack(
        "=IHHIIBBBxI48x", 72, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0,
        family, socket.IPPROTO_TCP, 0, 1 << TCP_LISTEN,
    )  # fmt: skip
    found = set[int]()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
        kernel.send(request)
        while True:
            data, place = kernel.recv(1 << 16), 0
            while place < len(data):
                length, kind = struct.unpack_from("=IH", data, place)
                if kind != SOCK_DIAG_BY_FAMILY:  # the end, or an error
                    return found
                found.add(struct.unpack_from("!H", data, place + PORT_AT)[0])
                place += length + 3 & ~3
