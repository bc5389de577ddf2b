"""A circuit breaker for each tube: one that keeps failing is left alone for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from guacr.tubes.errors import CircuitOpenError

FAILURES_MAX = {"ice": 8}
"""Failures of a kind in a row that open the circuit."""
FAILURES_MAX_OTHER = 5
OPEN_FOR = 30.0
"""Seconds until the next attempt."""
SUCCESSES = 3
"""Attempts that have to succeed before it counts as closed again."""


class CircuitState(Enum):
    """CLOSED: all operations pass; OPEN: none does; HALF_OPEN: they do, and decide."""

    CLOSED = "Closed"
    OPEN = "Open"
    HALF_OPEN = "HalfOpen"


class CircuitBreaker:
    """Counts the failures of a tube's operations.

    Args:
        clock: the time in seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._state = CircuitState.CLOSED
        self._opened_at = 0.0
        self._successes = 0
        self._row: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._opened_by: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()

    @property
    def state(self) -> CircuitState:
        """The state at this time."""
        if self._state is CircuitState.OPEN and self._clock() - self._opened_at >= OPEN_FOR:
            self._state = CircuitState.HALF_OPEN
            self._successes = 0
        return self._state

    @property
    def is_healthy(self) -> bool:
        """True unless operations are refused."""
        return self.state is not CircuitState.OPEN

    @contextmanager
    def operation(self, kind: str) -> Iterator[None]:
        """Count what the block does, by the kind of its failure.

        Raises:
            CircuitOpenError: the tube has failed too often; nothing was done.
        """
        if not self.is_healthy:
            wait = OPEN_FOR - (self._clock() - self._opened_at)
            raise CircuitOpenError(
                f"the tube has failed {sum(self._row.values())} times in a row: "
                f"try again in {max(wait, 0):.0f} s"
            )
        self._counts["total_requests"] += 1
        try:
            yield
        except Exception as error:
            self._failed(kind, timed_out=isinstance(error, TimeoutError))
            raise
        self._succeeded()

    def _succeeded(self) -> None:
        self._counts["successful_requests"] += 1
        self._row.clear()
        if self.state is CircuitState.HALF_OPEN:
            self._successes += 1
            if self._successes >= SUCCESSES:
                self._state = CircuitState.CLOSED
                self._counts["circuit_closes"] += 1

    def _failed(self, kind: str, *, timed_out: bool) -> None:
        self._counts["failed_requests"] += 1
        self._counts["timeouts"] += timed_out
        self._kinds[kind] += 1
        self._row[kind] += 1
        limit = FAILURES_MAX.get(kind, FAILURES_MAX_OTHER)
        if self.state is CircuitState.HALF_OPEN or self._row[kind] >= limit:
            self._state = CircuitState.OPEN
            self._opened_at = self._clock()
            self._counts["circuit_opens"] += 1
            self._opened_by[kind] += 1

    def stats(self) -> dict[str, object]:
        """The counts, with the keys of keeper-pam-webrtc-rs."""
        names = (
            "total_requests",
            "successful_requests",
            "failed_requests",
            "circuit_opens",
            "circuit_closes",
            "timeouts",
        )
        failures = sum(self._row.values())
        state = self.state
        closed = state is CircuitState.CLOSED
        return {
            "state": f"{state.value} (failures: {failures})" if closed else state.value,
            **{name: self._counts[name] for name in names},
            "error_type_counts": dict(self._kinds),
            "error_type_triggered_opens": dict(self._opened_by),
            "current_error_type_failures": dict(self._row),
        }
