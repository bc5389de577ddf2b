"""TCP to a host by name: all addresses are tried in short intervals, and the first to answer wins.

This is "happy eyeballs" (RFC 8305): addresses of the two families alternate, and a slow one
does not delay the next.

Everything that connects to a host does so here, or with the addresses of `resolve`: this is where
the access rules apply.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from itertools import zip_longest

from guacr.api import (
    BadRequestError,
    Network,
    UpstreamError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    clause,
    shorten,
    step,
)

ATTEMPT_DELAY = 0.25
"""Seconds between two attempts, as recommended by RFC 8305."""
ADDRESSES_MAX = 16
"""Maximum addresses of a name that are tried."""

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]
"""The family and the address of a socket."""


async def dial(
    network: Network,
    host: str,
    port: int,
    timeout: float,
    check: Callable[[str], None] | None = None,
) -> socket.socket:
    """Return a connected, non-blocking socket. `timeout` in seconds limits everything, including
    name resolution. `check` raises a `GuacrError` for an address that must not be connected to.

    Raises:
        BadRequestError: the host is empty.
        ForbiddenError: the session may not connect to it.
        UpstreamNotFoundError: the name is unknown, or no address can be reached.
        UpstreamUnavailableError: the host refuses connections to the port.
        UpstreamTimeoutError: no address answers in time.
    """
    if not host:
        raise BadRequestError("parameter hostname is empty: name the host to connect to")
    failures: list[OSError] = []
    try:
        async with asyncio.timeout(timeout):
            addresses = await resolve(network, host, port)
            step("resolve")
            if check is not None:
                for _, address in addresses:
                    check(address[0])
            sock = await _first_to_answer(addresses, failures)
            step("tcp")
            return sock
    except TimeoutError:
        raise _silent(host, port, timeout) from None
    except OSError:
        raise _explained(host, port, failures) from None


async def connect_to(
    addresses: list[Address], host: str, port: int, timeout: float
) -> socket.socket:
    """Return a socket like `dial`, connected to one of the addresses of `resolve`.

    Raises:
        UpstreamError: none of them accepts the connection in time.
    """
    failures: list[OSError] = []
    try:
        async with asyncio.timeout(timeout):
            return await _first_to_answer(addresses, failures)
    except TimeoutError:
        raise _silent(host, port, timeout) from None
    except OSError:
        raise _explained(host, port, failures) from None


def unknown_host(host: str) -> UpstreamNotFoundError:
    """The error for a name without an address, which may not be one at all."""
    name, separator, port = host.rpartition(":")
    remedy = "check the name, or give its address"
    if "://" in host:
        remedy = "give its name or address without the protocol before it"
    elif name and separator and port.isdecimal():
        remedy = "give its name or address without the port, which is the parameter port"
    return UpstreamNotFoundError(f"host {shorten(host)} is unknown: {remedy}")


async def resolve(network: Network, host: str, port: int) -> list[Address]:
    """Return the addresses of a host that the session may connect to, with alternating families.

    Raises:
        ForbiddenError: there are none.
        UpstreamNotFoundError: the name is unknown.
    """
    network.check(host, port)
    try:
        found = await _resolved(host, port)
    except UpstreamNotFoundError:
        if network.hides_unknown(host, port):
            raise network.refusal(host, port) from None
        raise
    allowed = set(network.permitted(host, port, (address[0] for _, address in found)))
    return [one for one in found if one[1][0] in allowed][:ADDRESSES_MAX]


async def _resolved(host: str, port: int) -> list[Address]:
    """Return all addresses of a name."""
    if "\0" in host:
        raise unknown_host(host)  # the C library would ignore the rest
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (socket.gaierror, ValueError):  # ValueError: of invalid names, such as one with a NUL
        raise unknown_host(host) from None
    addresses: list[Address] = []
    for family, _, _, _, address in found:
        if (family, address) not in addresses:
            addresses.append((family, address))  # type: ignore[arg-type]
    first = [a for a in addresses if a[0] == addresses[0][0]]
    others = [a for a in addresses if a[0] != addresses[0][0]]
    pairs = zip_longest(first, others)
    return [a for pair in pairs for a in pair if a is not None]


async def _first_to_answer(addresses: list[Address], failures: list[OSError]) -> socket.socket:
    """Start an attempt whenever the previous one fails or `ATTEMPT_DELAY` has passed."""
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
        for attempt in attempts:
            attempt.add_done_callback(_close)
            attempt.cancel()


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


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that connected although another one had won."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _silent(host: str, port: int, timeout: float) -> UpstreamTimeoutError:
    return UpstreamTimeoutError(
        f"host {shorten(host)} does not answer on port {port} within {timeout:g} s: "
        "check the address, and whether a firewall is in the way"
    )


def _explained(host: str, port: int, failures: list[OSError]) -> UpstreamError:
    """The most informative error: a refusal says more than a missing route."""
    name = shorten(host)
    if any(isinstance(failure, ConnectionRefusedError) for failure in failures):
        return UpstreamUnavailableError(
            f"host {name} refuses connections to port {port}: check the port, and whether the "
            "server runs"
        )
    if any(isinstance(failure, TimeoutError) for failure in failures):
        return UpstreamTimeoutError(f"host {name} does not answer on port {port}")
    reason = clause(failures[-1].strerror or "no route")
    return UpstreamNotFoundError(f"host {name} cannot be reached: {reason}")
