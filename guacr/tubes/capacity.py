"""The limits of a registry, and the counts of what was created under them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from guacr.tubes.errors import LimitError, OverloadedError
from guacr.tubes.link import SOCKETS_EACH, Link

TUBES_MAX = SOCKETS_MAX = 100_000
"""Tubes, and their sockets, at a time, unless the application says otherwise."""
RETRY_MIN = 0.05
"""Seconds to wait, at least, after a create was refused."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The creates that are possible, and those that there were; times in seconds.

    Attributes:
        active, limit: creates in progress, and how many are possible at a time.
        total, failures: creates that have ended, and those of them that have failed.
        refused, refused_at: creates beyond a limit, and the time of the last one, in seconds since
            1970; 0.0 if there was none.
        released, released_sockets: tubes that are closed, and the sockets that they had.
    """

    active: int
    limit: int
    total: int
    failures: int
    average_time: float
    refused: int
    refused_at: float
    released: int
    released_sockets: int

    @property
    def accepts_more(self) -> bool:
        """True unless a create would be refused."""
        return self.active < self.limit

    @property
    def suggested_delay(self) -> float:
        """Seconds to wait before the next create."""
        return 0.0 if self.accepts_more else max(self.average_time, RETRY_MIN)


class Creates:
    """Counts tubes, and refuses those beyond the limits.

    Args:
        limit: creates at a time.

    Attributes:
        tubes_max: tubes at a time.
        sockets_max: sockets of all tubes at a time; with as many, no tube is created.
    """

    def __init__(self, limit: int) -> None:
        self.tubes_max, self.sockets_max = TUBES_MAX, SOCKETS_MAX
        self._limit = limit
        self._active = self._total = self._failures = self._refused = 0
        self._released = self._released_sockets = 0
        self._times = self._refused_at = 0.0

    @property
    def capacity(self) -> Capacity:
        """The counts now."""
        return Capacity(
            active=self._active,
            limit=self._limit,
            total=self._total,
            failures=self._failures,
            average_time=self._times / self._total if self._total else 0.0,
            refused=self._refused,
            refused_at=self._refused_at,
            released=self._released,
            released_sockets=self._released_sockets,
        )

    def released(self, link: Link) -> None:
        """Count a tube that is closed."""
        self._released += 1
        self._released_sockets += link.sockets

    @contextmanager
    def counted(self, links: Collection[Link]) -> Iterator[None]:
        """Count the create that is the block.

        Args:
            links: of all tubes that there are.

        Raises:
            OverloadedError: too many are being created. The block is not run.
            LimitError: there are too many, likewise.
        """
        self._check(links)
        self._active += 1
        start = time.monotonic()
        try:
            yield
        except BaseException:
            self._failures += 1
            raise
        finally:
            self._active -= 1
            self._total += 1
            self._times += time.monotonic() - start

    def _check(self, links: Collection[Link]) -> None:
        capacity = self.capacity
        error: LimitError | None = None
        if not capacity.accepts_more:
            error = OverloadedError(self._active, self._limit, capacity.suggested_delay)
        elif len(links) >= self.tubes_max:
            error = LimitError(f"all {self.tubes_max} tubes are in use: close some first")
        elif SOCKETS_EACH * len(links) >= self.sockets_max <= sum(one.sockets for one in links):
            error = LimitError(
                f"the tubes have all {self.sockets_max} sockets that they may: close some first"
            )
        if error is not None:
            self._refused += 1
            self._refused_at = time.time()
            raise error
