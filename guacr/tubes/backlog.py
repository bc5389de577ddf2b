"""Data that the connections of a tube have received and not taken yet, and its limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guacr.tubes.inflow import Inflow

TOTAL_MAX = 128 * 1024 * 1024
"""Bytes that all tubes of a registry may hold for connections that do not take them."""
WINDOW_FIRST = 256 * 1024
"""Bytes that a peer may send on a connection before more are granted."""
WINDOW_MAX = 4 * 1024 * 1024
"""Bytes that a peer may send and that have not been taken. More than the association's window
carries in a round trip, so that a lone connection uses the whole link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogLimits:
    """Bounds in bytes.

    Attributes:
        connection: what one connection may leave; beyond it, its channel waits.
        tube: what all connections of a tube may leave.
        share: what they may leave in any case, however much other tubes hold.
    """

    connection: int = 8 * 1024 * 1024
    tube: int = 32 * 1024 * 1024
    share: int = 2 * 1024 * 1024


class Total:
    """The bytes of several tubes.

    Attributes:
        used: bytes.
    """

    __slots__ = ("limit", "used")

    def __init__(self, limit: int = TOTAL_MAX) -> None:
        self.limit = limit
        self.used = 0


class Backlog:
    """The bytes of one tube.

    Attributes:
        used: bytes.
        connections: that are open or being opened, in all conversations.
        waiting: connections of which something waits.
    """

    __slots__ = ("_total", "connections", "limits", "used", "waiting")

    def __init__(self, limits: BacklogLimits | None = None, total: Total | None = None) -> None:
        self.limits = limits or BacklogLimits()
        self.used = 0
        self.connections = 0
        self.waiting: set[Inflow] = set()
        self._total = total or Total()

    def change(self, by: int) -> None:
        """Count bytes that were received, or, as a negative number, taken."""
        self.used += by
        self._total.used += by

    @property
    def is_full(self) -> bool:
        """True if connections that take nothing may not receive any more."""
        limits, total = self.limits, self._total
        if self.used > limits.tube:
            return True
        return self.used > limits.share and total.used > total.limit

    @property
    def window(self) -> int:
        """Bytes that a connection may be granted: all together fit in the tube's limit, as far as
        `WINDOW_FIRST` allows."""
        share = self.limits.tube // max(self.connections, 1)
        return max(WINDOW_FIRST, min(WINDOW_MAX, share))
