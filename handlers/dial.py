"""TCP to a host by name: every address is tried, a little apart, and the first to answer wins.

This is "happy eyeballs" of RFC 8305: addresses of the two families alternate, and a slow one
does not hold back the next.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import zip_longest

from guacr.errors import (
    BadRequestError,
    UpstreamError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    clause,
    shorten,
)

ATTEMPT_DELAY = 0.25
"""Seconds between the starts of two attempts, as RFC 8305 recommends."""
ADDRESSES_MAX = 16
"""Addresses of one name that are tried."""

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""The family of a socket, and what it connects to."""


async def dial(host: str, port: int, timeout: float) -> socket.socket:
    """A connected, non-blocking socket. `timeout` in seconds bounds everything, the name's
    resolution included.

    Raises:
        BadRequestError: no host is given.
        UpstreamNotFoundError: the name is unknown, or no address can be reached.
        UpstreamUnavailableError: the host refuses connections to the port.
        UpstreamTimeoutError: no address answers in time.
    """
    if not host:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")
    failures: list[OSError] = []
    try:
        async with asyncio.timeout(timeout):
            return await _first_to_answer(await _resolve(host, port), failures)
    except TimeoutError:
        raise UpstreamTimeoutError(
            f"host {shorten(host)} does not answer on port {port} within {timeout:g} s: "
            "check the address, and whether a firewall is in the way"
        ) from None
    except OSError:
        raise _explained(host, port, failures) from None


def unknown_host(host: str) -> UpstreamNotFoundError:
    """What to raise for a name that stands for no address."""
    return UpstreamNotFoundError(
        f"host {shorten(host)} is not known: check the name, or give its address"
    )


async def _resolve(host: str, port: int) -> list[Address]:
    """The addresses of a name, the two families by turns."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, ValueError):  # of names that can be none, with a NUL for one
        raise unknown_host(host) from None
    addresses: list[Address] = []
    for family, _, _, _, address in found:
        if (family, address) not in addresses:
            addresses.append((family, address))  # type: ignore[arg-type]
    first = [a for a in addresses if a[0] == addresses[0][0]]
    others = [a for a in addresses if a[0] != addresses[0][0]]
    pairs = zip_longest(first, others)
    return [a for pair in pairs for a in pair if a is not None][:ADDRESSES_MAX]


async def _first_to_answer(addresses: list[Address], failures: list[OSError]) -> socket.socket:
    """Start an attempt whenever the one before fails or `ATTEMPT_DELAY` has passed."""
    attempts: set[asyncio.Task[socket.socket]] = set()
    waiting = list(addresses)
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_attempt(waiting.pop(0)), name="dial"))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            winners = [task.result() for task in done if task.exception() is None]
            for late in winners[1:]:
                late.close()
            if winners:
                return winners[0]
            failures += [e for task in done if isinstance(e := task.exception(), OSError)]
        raise failures[-1]
    finally:
        await _call_off(attempts)


async def _attempt(address: Address) -> socket.socket:
    family, target = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


async def _call_off(attempts: set[asyncio.Task[socket.socket]]) -> None:
    """Cancel what is still under way, and close what connected in the same moment."""
    for task in attempts:
        task.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()


def _explained(host: str, port: int, failures: list[OSError]) -> UpstreamError:
    """The error that says most: a refusal tells more than a missing route."""
    name = shorten(host)
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return UpstreamUnavailableError(
            f"host {name} refuses connections to port {port}: check the port, and whether its "
            "server runs"
        )
    if any(isinstance(failure, TimeoutError) for failure in failures):
        return UpstreamTimeoutError(f"host {name} does not answer on port {port}")
    reason = clause(failures[-1].strerror or "no route")
    return UpstreamNotFoundError(f"host {name} cannot be reached: {reason}")
