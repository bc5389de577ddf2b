"""Reverse connections: a session waits for a VNC server that connects to the daemon."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import ExitStack

from guacr.api import (
    ConflictError,
    ForbiddenError,
    GuacrError,
    UpstreamError,
    UpstreamTimeoutError,
    VncSettings,
    clause,
    shorten,
)
from handlers.dial import unknown_host
from handlers.vnc.params import VncParams

BACKLOG = 16
"""Connections that may wait. Only one is kept, but it may arrive behind others that are refused."""

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


def check(settings: VncSettings, params: VncParams) -> None:
    """Check whether a session may listen.

    Raises:
        ForbiddenError: it may not, or not on this port.
    """
    first, last = settings.reverse_port_min, settings.reverse_port_max
    if not settings.reverse_hosts:
        raise ForbiddenError(
            "reverse connections are disabled: the operator can name the addresses to listen on in "
            "the setting vnc.reverse_hosts"
        )
    if not first <= params.port <= last:
        raise ForbiddenError(
            f"port {params.port} may not be used for reverse connections: use one from {first} to "
            f"{last}"
        )


async def accept(settings: VncSettings, params: VncParams) -> socket.socket:
    """Wait for a server, and return the socket of the first one that may connect: any server, or
    only those with an address of `hostname`.

    Raises:
        GuacrError: no server has connected in time, or the port cannot be used.
    """
    seconds = params.listen_timeout / 1000
    with ExitStack() as stack:
        try:
            async with asyncio.timeout(seconds):
                allowed = await _addresses(params.hostname)
                listeners = [
                    stack.enter_context(_listen(address, params.port))
                    for host in settings.reverse_hosts
                    for address in await _resolve(host, params.port)
                ]
                return await _first(listeners, allowed)
        except TimeoutError:
            raise UpstreamTimeoutError(
                f"no VNC server has connected to port {params.port} within {seconds:g} s: have one "
                "connect, or set listen-timeout"
            ) from None


async def _resolve(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, ValueError):  # ValueError: of invalid names, such as one with a NUL
        raise unknown_host(host) from None
    return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


async def _addresses(host: str) -> frozenset[str]:
    """Return the addresses of the host that may connect; empty if any host may."""
    found = await _resolve(host, 0) if host else []
    return frozenset(address[0] for _, address in found)


def _listen(address: Address, port: int) -> socket.socket:
    family, place = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _refused(place[0], port, error) from None
    return sock


def _refused(host: str, port: int, error: OSError) -> GuacrError:
    if error.errno == errno.EADDRINUSE:
        return ConflictError(
            f"port {port} is in use: another session may be waiting there; use another port"
        )
    return UpstreamError(
        f"no VNC server can be waited for on {shorten(host)}, port {port}: "
        f"{clause(error.strerror or 'no address')}; check vnc.reverse_hosts"
    )


async def _first(listeners: list[socket.socket], allowed: frozenset[str]) -> socket.socket:
    """Accept a connection on any listener, and close others that arrived at the same moment."""
    tasks = [asyncio.create_task(_allowed(listener, allowed)) for listener in listeners]
    accepted: socket.socket | None = None
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        accepted = done.pop().result()
        return accepted
    finally:
        for task in tasks:
            task.cancel()
        try:
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        except BaseException:  # the time is over at this very moment
            if accepted is not None:
                accepted.close()
            raise
        for outcome in outcomes:
            if isinstance(outcome, socket.socket) and outcome is not accepted:
                outcome.close()


async def _allowed(listener: socket.socket, allowed: frozenset[str]) -> socket.socket:
    loop = asyncio.get_running_loop()
    while True:
        sock, peer = await loop.sock_accept(listener)
        if not allowed or peer[0] in allowed:
            return sock
        sock.close()
