"""The counts behind limits: sessions and rates by address, person, connection and in all, and the
tokens that were used.

There is no clock: times are arguments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from guacr.limits.bucket import Buckets
from guacr.limits.refusal import Limit, Refusal, Scope

CONNECTS_BURST = 5.0
"""Seconds of their rate in which sessions may be opened at once after a rest; at least one."""
BYTES_BURST, BYTES_LEAST = 1.0, 65536
"""Seconds of a rate of bytes that may pass at once after a rest, and the fewest bytes."""
SPENT_MAX = 100_000
"""Maximum tokens for one use that are remembered until they expire."""

Key = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that a session is counted for, and the limits that it must respect; 0 is no limit."""

    scope: Scope
    name: str
    """Empty for `Scope.ALL`."""
    sessions: int = 0
    connects: float = 0.0
    """Sessions opened or joined per second."""

    @property
    def key(self) -> Key:
        """The key of its counts."""
        return self.scope, self.name


class Book:
    """Counts for one or several processes.

    The limits are part of each request, so that processes with old and new settings can share a
    book. Leases belong to an owner, a process, which can lose all of them at once.
    """

    def __init__(self) -> None:
        self._sessions: Counter[Key] = Counter()
        self._leases: dict[str, dict[int, tuple[Key, ...]]] = {}
        self._connects: Buckets[Key] = Buckets(CONNECTS_BURST, 1)
        self._bytes: Buckets[str] = Buckets(BYTES_BURST, BYTES_LEAST)
        self._spent: dict[str, float] = {}

    def sessions(self, scope: Scope, name: str = "") -> int:
        """Return how many sessions are counted."""
        return self._sessions[scope, name]

    def check(self, claims: Sequence[Claim], now: float) -> Refusal | None:
        """Return the first limit that a new session would exceed; nothing is counted. `now` is on a
        monotonic scale."""
        for claim in claims:
            if claim.sessions and self._sessions[claim.key] >= claim.sessions:
                return Refusal(Limit.SESSIONS, claim.scope, claim.sessions)
        for claim in claims:
            if claim.connects and not self._connects.has(claim.key, claim.connects, now):
                return Refusal(Limit.CONNECTS, claim.scope, claim.connects)
        return None

    def enter(self, owner: str, lease: int, claims: Sequence[Claim], now: float) -> Refusal | None:
        """Count a new session under `lease`, a number that its owner has chosen, or return the
        first limit that it would exceed; then nothing is counted."""
        refusal = self.check(claims, now)
        if refusal is not None:
            return refusal
        for claim in claims:
            if claim.connects:
                self._connects.take(claim.key, claim.connects, now)
        self.leave(owner, lease)
        keys = tuple(claim.key for claim in claims)
        self._leases.setdefault(owner, {})[lease] = keys
        self._sessions.update(keys)
        return None

    def leave(self, owner: str, lease: int) -> None:
        """Return a lease; an unknown one is ignored."""
        leases = self._leases.get(owner, {})
        for key in leases.pop(lease, ()):
            self._sessions[key] -= 1
            if not self._sessions[key]:
                del self._sessions[key]
        if not leases:
            self._leases.pop(owner, None)

    def drop(self, owner: str) -> None:
        """Return all leases of an owner that has ended."""
        for lease in list(self._leases.get(owner, ())):
            self.leave(owner, lease)

    def spend(self, token_id: str, expires: float, now: float) -> Refusal | None:
        """Note that a token for one use is used; times are in seconds since 1970."""
        if self._spent.get(token_id, now) > now:
            return Refusal(Limit.ONCE, Scope.TOKEN)
        if len(self._spent) >= SPENT_MAX:
            self._spent = {name: until for name, until in self._spent.items() if until > now}
        if len(self._spent) >= SPENT_MAX:
            return Refusal(Limit.SPENT, Scope.ALL)
        self._spent[token_id] = expires
        return None

    def use(self, name: str, rate: float, amount: float, now: float) -> float:
        """Count bytes for the rate of a name; return the seconds for which nothing more should pass
        under this name. `now` is on a monotonic scale."""
        return self._bytes.take(name, rate, now, amount)
