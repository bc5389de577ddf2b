"""The places of a worker's clients, which the front counts for all workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from typing_extensions import override

from guacr.net.connection_limits import Place

TAKEN, SETTLED, LEFT = "taken", "settled", "left"


class Leases:
    """The clients that the front has passed to this worker. What becomes of them is reported at the
    end of a turn of the event loop.

    Args:
        report: sends the numbers of those taken, settled and left to the front.
    """

    def __init__(self, report: Callable[[dict[str, list[int]]], None]) -> None:
        self._report = report
        self._changes: dict[str, list[int]] = {}
        self._open: set[int] = set()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        """The clients that are connected."""
        return len(self._open)

    def take(self, number: int, place: Place) -> Lease:
        """Return the place of a client, which also has one in this process."""
        self._open.add(number)
        self.note(TAKEN, number)
        return Lease(self, number, place)

    def refuse(self, number: int) -> None:
        """Report that a client could not be taken, and has been closed."""
        self.note(TAKEN, number)
        self.note(LEFT, number)

    def forget(self, number: int) -> None:
        """Report nothing more of a client: another worker has it."""
        self._open.discard(number)

    def note(self, change: str, number: int) -> None:
        """Report a change."""
        if not self._changes:
            self._loop.call_soon(self._flush)
        self._changes.setdefault(change, []).append(number)
        if change == LEFT:
            self._open.discard(number)

    def _flush(self) -> None:
        changes, self._changes = self._changes, {}
        self._report(changes)


class Lease(Place):
    """The place of a client at the front, and in this process."""

    __slots__ = ("_leases", "_number", "_place")

    def __init__(self, leases: Leases, number: int, place: Place) -> None:
        self._leases = leases
        self._number = number
        self._place = place
        self._settled = self._left = False

    @override
    def settle(self) -> None:
        if not self._settled:
            self._settled = True
            self._place.settle()
            self._leases.note(SETTLED, self._number)

    @override
    def move(self, address: str) -> None:
        if not self._settled:
            self._place.move(address)
            self._leases.note(SETTLED, self._number)  # the front has counted it for the proxy

    @override
    def give_up(self) -> int:
        if self._left:
            return 0
        self._settled = self._left = True
        self._place.leave()
        self._leases.forget(self._number)
        return self._number

    @override
    def leave(self) -> None:
        if not self._left:
            self._settled = self._left = True
            self._place.leave()
            self._leases.note(LEFT, self._number)
