"""The counts of a group of processes: one of them keeps the book, and the others ask it.

    {"do": "enter", "lease": N, "claims": [[scope, name, sessions, connects], …]}
    {"do": "leave", "lease": N}
    {"do": "spend", "token": id, "expires": seconds since 1970}
    {"do": "use", "name": N, "rate": bytes per second, "amount": bytes}

Answers are {}, {"refused": [limit, scope, value]}, or {"wait": seconds}. Everything can be sent as
JSON.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any

from typing_extensions import override

from guacr.errors import BusyError
from guacr.limits.book import Book, Claim
from guacr.limits.ledger import Ledger
from guacr.limits.refusal import Limit, Refusal, Scope

ANSWER_TIMEOUT = 5.0
"""Seconds to wait for an answer."""
KNOWN_TIME, KNOWN_MAX = 1.0, 1000
"""Seconds for which a limit that was reached is known without asking, and how many are."""

Message = Mapping[str, Any]


class RemoteLedger(Ledger):
    """The ledger of a process that does not keep the book.

    Args:
        ask: sends a request, and returns its answer.
        tell: sends a request that has no answer. The order of both must be kept.
        clock: returns seconds on a monotonic scale.
    """

    def __init__(
        self,
        ask: Callable[[Message], Awaitable[Message]],
        tell: Callable[[Message], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._numbers = count(1)
        self._clock = clock
        self._known: dict[Claim, tuple[Refusal, float]] = {}
        """Limits that were reached, and until when this is known without asking."""

    @override
    async def enter(self, claims: Sequence[Claim]) -> int | Refusal:
        lease = next(self._numbers)
        listed = [[one.scope, one.name, one.sessions, one.connects] for one in claims]
        try:
            answer = await self._answer({"do": "enter", "lease": lease, "claims": listed})
        except BaseException:  # it may have been counted
            self.leave(lease)
            raise
        refusal = _refusal(answer)
        if refusal is None:
            return lease
        self._note(refusal, claims)
        return refusal

    @override
    def check(self, claims: Sequence[Claim]) -> Refusal | None:
        """Return a limit that has just been reached, so that a flood of clients costs little."""
        now = self._clock()
        for claim in claims:
            refusal, until = self._known.get(claim, (None, 0.0))
            if refusal is not None and now < until:
                return refusal
        return None

    def _note(self, refusal: Refusal, claims: Sequence[Claim]) -> None:
        """Remember a refusal for as long as it must apply: until the next connect may pass. One
        session may end at any time."""
        if refusal.limit is not Limit.CONNECTS:
            return
        (claim,) = (claim for claim in claims if claim.scope is refusal.scope)
        self._known.pop(claim, None)
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        pause = min(1 / claim.connects, KNOWN_TIME)
        self._known[claim] = (refusal, self._clock() + pause)

    @override
    def leave(self, lease: int) -> None:
        self._tell({"do": "leave", "lease": lease})

    @override
    async def spend(self, token_id: str, expires: float) -> Refusal | None:
        return _refusal(await self._answer({"do": "spend", "token": token_id, "expires": expires}))

    @override
    async def use(self, name: str, rate: float, amount: int) -> float:
        answer = await self._answer({"do": "use", "name": name, "rate": rate, "amount": amount})
        return float(answer["wait"])

    async def _answer(self, request: Message) -> Message:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await self._ask(request)
        except (TimeoutError, ConnectionError):
            raise BusyError("the daemon is too busy to count sessions: try again later") from None


def answer(
    book: Book,
    owner: str,
    request: Message,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """Answer a request of `owner`, a process; its leases are to be dropped when it has ended."""
    match request:
        case {"do": "enter", "lease": int(lease), "claims": list(listed)}:
            claims = [Claim(Scope(scope), name, *limits) for scope, name, *limits in listed]
            return _answered(book.enter(owner, lease, claims, clock()))
        case {"do": "leave", "lease": int(lease)}:
            book.leave(owner, lease)
            return {}
        case {"do": "spend", "token": str(token_id), "expires": expires}:
            return _answered(book.spend(token_id, expires, wall()))
        case {"do": "use", "name": str(name), "rate": rate, "amount": amount}:
            return {"wait": book.use(name, rate, amount, clock())}
    raise ValueError("the request is unknown")


def _answered(refusal: Refusal | None) -> dict[str, Any]:
    if refusal is None:
        return {}
    return {"refused": [refusal.limit, refusal.scope, refusal.most]}


def _refusal(message: Message) -> Refusal | None:
    if "refused" not in message:
        return None
    limit, scope, most = message["refused"]
    return Refusal(Limit(limit), Scope(scope), most)
