"""The connection limits of a port: in total, and per address without a session yet."""

from __future__ import annotations

from collections import Counter

from guacr.errors import BusyError

FILES_RESERVED = 48
"""Open files that the daemon itself needs."""
FILES_PER_CONNECTION = 4
"""Open files for one connection on each of the two ports: its own, and that to the remote host."""


def connections_for(files: int) -> int:
    """Return the maximum connections of each port for a limit of open files."""
    return max(8, (files - FILES_RESERVED) // FILES_PER_CONNECTION)


class ConnectionLimits:
    """Counts connections.

    Args:
        total: maximum simultaneous connections.
        waiting: maximum connections of an address without a session; never more than half of all,
            so that others can connect.
    """

    __slots__ = ("_count", "_total", "_waiting", "_waiting_max", "entered")

    def __init__(self, total: int, waiting: int) -> None:
        self._total = total
        self._waiting_max = max(1, min(waiting, total // 2))
        self._count = 0
        self.entered = 0
        """The number of connections so far."""
        self._waiting: Counter[str] = Counter()

    def enter(self, address: str) -> Place:
        """Take a place for a connection from an address.

        Raises:
            BusyError: a limit has been reached.
        """
        full = self.full()
        if full:
            raise BusyError(full)
        if self._waiting[address] >= self._waiting_max:
            raise BusyError(_crowded(self._waiting_max))
        self._count += 1
        self.entered += 1
        self._waiting[address] += 1
        return Place(self, address)

    @property
    def count(self) -> int:
        """The number of connections now."""
        return self._count

    def full(self) -> str:
        """Return the sentence for clients if there is no place, or an empty text."""
        if self._count < self._total:
            return ""
        return f"all {self._total} connections are in use: try again later"

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
    return f"{waiting_max} connections of this address already wait for a session: try again later"


class Place:
    """The place of a connection; `settle` and `leave` may be called repeatedly."""

    __slots__ = ("_address", "_left", "_occupancy", "_settled")

    def __init__(self, occupancy: ConnectionLimits, address: str) -> None:
        self._occupancy = occupancy
        self._address = address
        self._settled = self._left = False

    def settle(self) -> None:
        """Record that the connection has a session."""
        if not self._settled:
            self._settled = True
            self._occupancy._settled(self._address)

    def move(self, address: str) -> None:
        """Count the connection for a different address.

        Raises:
            BusyError: the address has reached its limit; nothing changes.
        """
        if not self._settled and address != self._address:
            self._occupancy._moved(self._address, address)
            self._address = address

    def give_up(self) -> int:
        """Release the place, because another worker has the connection from now on; return the
        number by which the front knows it, 0 if there is none."""
        self.leave()
        return 0

    def leave(self) -> None:
        """Release the place."""
        if not self._left:
            self._left = True
            self.settle()
            self._occupancy._left()
