"""Reverse connections: a session waits for a VNC server that connects to the daemon."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from guacr.api import (
    ConflictError,
    ForbiddenError,
    GuacrError,
    Network,
    UpstreamError,
    UpstreamTimeoutError,
    VncSettings,
    clause,
    shorten,
)
from handlers.dial import resolve, unknown_host
from handlers.vnc.params import VncParams

BACKLOG = 16
"""Connections that may wait. Only one is kept, but it may arrive behind others that are refused."""

ANY_HOST = "*"
"""Stands for a server that nobody knows yet."""

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


async def accept(network: Network, settings: VncSettings, params: VncParams) -> socket.socket:
    """Wait for a server, and return the socket of the first one that may connect: any server, or
    only those with an address of `hostname`. The access rules apply as if the session connected to
    the server, at the port that it listens on.

    Raises:
        GuacrError: no server has connected in time, or the port cannot be used.
    """
    seconds = params.listen_timeout / 1000
    network.check(params.hostname or ANY_HOST, params.port)
    with ExitStack() as stack:
        try:
            async with asyncio.timeout(seconds):
                allowed = await _addresses(network, params)
                listeners = [
                    stack.enter_context(_listen(address, params.port))
                    for host in settings.reverse_hosts
                    for address in await _resolve(host, params.port)
                ]
                return await _first(listeners, partial(_is_allowed, network, params, allowed))
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


async def _addresses(network: Network, params: VncParams) -> frozenset[str]:
    """Return the addresses of the host that may connect; empty if any host may."""
    if not params.hostname:
        return frozenset()
    found = await resolve(network, params.hostname, params.port)
    return frozenset(address[0] for _, address in found)


def _is_allowed(network: Network, params: VncParams, allowed: frozenset[str], address: str) -> bool:
    """Return whether a server with this address may connect."""
    if allowed:
        return address in allowed
    try:
        return bool(network.permitted(address, params.port, [address]))
    except ForbiddenError:
        return False


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


async def _first(
    listeners: list[socket.socket], is_allowed: Callable[[str], bool]
) -> socket.socket:
    """Accept a connection on any listener, and close others that arrived at the same moment."""
    tasks = [asyncio.create_task(_allowed(listener, is_allowed)) for listener in listeners]
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


async def _allowed(listener: socket.socket, is_allowed: Callable[[str], bool]) -> socket.socket:
    loop = asyncio.get_running_loop()
    while True:
        sock, peer = await loop.sock_accept(listener)
        if is_allowed(peer[0]):
            return sock
        sock.close()
