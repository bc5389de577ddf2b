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

Message = Mapping[str, Any]


class RemoteLedger(Ledger):
    """The ledger of a process that does not keep the book.

    Args:
        ask: sends a request, and returns its answer.
        tell: sends a request that has no answer. The order of both must be kept.
    """

    def __init__(
        self, ask: Callable[[Message], Awaitable[Message]], tell: Callable[[Message], None]
    ) -> None:
        self._ask = ask
        self._tell = tell
        self._numbers = count(1)

    @override
    async def enter(self, claims: Sequence[Claim]) -> int | Refusal:
        lease = next(self._numbers)
        listed = [[one.scope, one.name, one.sessions, one.connects] for one in claims]
        try:
            answer = await self._answer({"do": "enter", "lease": lease, "claims": listed})
        except BaseException:  # it may have been counted
            self.leave(lease)
            raise
        return _refusal(answer) or lease

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
