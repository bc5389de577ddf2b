"""The interface to the counts behind limits, which one or several processes share."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import count

from typing_extensions import override

from guacr.limits.book import Book, Claim
from guacr.limits.refusal import Refusal


class Ledger(ABC):
    """Counts sessions, traffic and used tokens."""

    @abstractmethod
    async def enter(self, claims: Sequence[Claim]) -> int | Refusal:
        """Count a new session; return the number of its lease, or the limit that it would exceed.

        Raises:
            BusyError: the counts cannot be had at the moment.
        """

    def check(self, claims: Sequence[Claim]) -> Refusal | None:
        """Return a limit that a new session would exceed, as far as this is known at once."""
        return None

    @abstractmethod
    def leave(self, lease: int) -> None:
        """Return a lease: the session has ended. Repeated calls do nothing."""

    @abstractmethod
    async def spend(self, token_id: str, expires: float) -> Refusal | None:
        """Use a token that can be used once, and expires at this time (seconds since 1970).

        Raises:
            BusyError: the counts cannot be had at the moment.
        """

    @abstractmethod
    async def use(self, name: str, rate: float, amount: int) -> float:
        """Count bytes for a name and its rate, in bytes per second; return the seconds for which
        nothing more should pass under this name."""


class LocalLedger(Ledger):
    """The counts of a single process. `clock` is monotonic, `wall` returns seconds since 1970."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.book = Book()
        self._clock = clock
        self._wall = wall
        self._numbers = count(1)

    @override
    async def enter(self, claims: Sequence[Claim]) -> int | Refusal:
        lease = next(self._numbers)
        return self.book.enter("", lease, claims, self._clock()) or lease

    @override
    def check(self, claims: Sequence[Claim]) -> Refusal | None:
        return self.book.check(claims, self._clock())

    @override
    def leave(self, lease: int) -> None:
        self.book.leave("", lease)

    @override
    async def spend(self, token_id: str, expires: float) -> Refusal | None:
        return self.book.spend(token_id, expires, self._wall())

    @override
    async def use(self, name: str, rate: float, amount: int) -> float:
        return self.book.use(name, rate, amount, self._clock())
