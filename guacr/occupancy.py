"""How many connections a port has: in all, and from each address without a session yet."""

from __future__ import annotations

import ipaddress
from collections import Counter

from guacr.errors import BusyError

FILES_RESERVED = 48
"""Open files that the daemon needs for itself."""
FILES_PER_CONNECTION = 4
"""Open files for a connection of each of the two ports: its own, and that to the remote host."""


def connections_for(files: int) -> int:
    """How many connections each port may have with a limit of open files."""
    return max(8, (files - FILES_RESERVED) // FILES_PER_CONNECTION)


def network_of(address: str) -> str:
    """What counts as one address: of IPv6 a network of 64 bits, since a single host has all of its
    addresses; an IPv4 address that is written as IPv6 is itself."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    network = ipaddress.IPv6Network((int(parsed), 64), strict=False)
    return f"{network}%{parsed.scope_id}" if parsed.scope_id else str(network)


class Occupancy:
    """Counts connections.

    Args:
        total: connections at the same time.
        waiting: those of them that one address may have before they have a session; never more
            than half of all, so that others get in.
    """

    __slots__ = ("_count", "_total", "_waiting", "_waiting_max")

    def __init__(self, total: int, waiting: int) -> None:
        self._total = total
        self._waiting_max = max(1, min(waiting, total // 2))
        self._count = 0
        self._waiting: Counter[str] = Counter()

    def enter(self, address: str) -> Place:
        """A place for a connection from an address.

        Raises:
            BusyError: there are as many as are allowed.
        """
        if self._count >= self._total:
            raise BusyError(f"all {self._total} connections are in use: try again later")
        if self._waiting[address] >= self._waiting_max:
            raise BusyError(_crowded(self._waiting_max))
        self._count += 1
        self._waiting[address] += 1
        return Place(self, address)

    def _moved(self, before: str, address: str) -> None:
        if self._waiting[address] >= self._waiting_max:
            raise BusyError(_crowded(self._waiting_max))
        self._waiting[address] += 1
        self._settled(before)

    def _settled(self, address: str) -> None:
        self._waiting[address] -= 1
        if not self._waiting[address]:
            del self._waiting[address]

    def _left(self) -> None:
        self._count -= 1


def _crowded(waiting_max: int) -> str:
    return f"{waiting_max} connections of this address wait for a session already: try again later"


class Place:
    """One connection's place; `settle` and `leave` may be called again."""

    __slots__ = ("_address", "_left", "_occupancy", "_settled")

    def __init__(self, occupancy: Occupancy, address: str) -> None:
        self._occupancy = occupancy
        self._address = address
        self._settled = self._left = False

    def settle(self) -> None:
        """The connection has a session."""
        if not self._settled:
            self._settled = True
            self._occupancy._settled(self._address)

    def move(self, address: str) -> None:
        """It is this address that the connection comes from.

        Raises:
            BusyError: the address has as many as are allowed; the place stays where it was.
        """
        if not self._settled and address != self._address:
            self._occupancy._moved(self._address, address)
            self._address = address

    def leave(self) -> None:
        """The connection is closed."""
        if not self._left:
            self._left = True
            self.settle()
            self._occupancy._left()
