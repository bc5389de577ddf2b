"""Processes that share a book: requests and answers as JSON."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from guacr.errors import BusyError
from guacr.limits import remote_ledger
from guacr.limits.book import Book, Claim
from guacr.limits.ledger import Ledger, LocalLedger
from guacr.limits.refusal import Limit, Refusal, Scope
from guacr.limits.remote_ledger import RemoteLedger, answer

ONE = Claim(Scope.SUBJECT, "Zoë", sessions=1, connects=0.5)


def remote(book: Book, owner: str) -> RemoteLedger:
    """A ledger whose messages are JSON, as between processes."""

    def tell(request: Mapping[str, Any]) -> dict[str, Any]:
        result = answer(book, owner, json.loads(json.dumps(request)), lambda: 0.0, lambda: 50.0)
        decoded: dict[str, Any] = json.loads(json.dumps(result))
        return decoded

    async def ask(request: Mapping[str, Any]) -> dict[str, Any]:
        return tell(request)

    return RemoteLedger(ask, tell)  # type: ignore[arg-type]


def ledgers(kind: str) -> tuple[Ledger, Ledger, Book]:
    if kind == "local":
        ledger = LocalLedger(lambda: 0.0, lambda: 50.0)
        return ledger, ledger, ledger.book
    book = Book()
    return remote(book, "worker 1"), remote(book, "worker 2"), book


@pytest.mark.parametrize("kind", ["local", "remote"])
async def test_ledgers_share_a_book(kind: str) -> None:
    first, second, book = ledgers(kind)
    lease = await first.enter([ONE])
    assert isinstance(lease, int)
    assert await second.enter([ONE]) == Refusal(Limit.SESSIONS, Scope.SUBJECT, 1)
    first.leave(lease)
    first.leave(lease)
    assert isinstance(await second.enter([ONE]), int)
    assert book.sessions(Scope.SUBJECT, "Zoë") == 1
    assert await second.enter([Claim(Scope.SUBJECT, "Zoë", connects=0.5)]) == Refusal(
        Limit.CONNECTS, Scope.SUBJECT, 0.5
    )
    assert await first.spend("token", 60) is None
    assert await second.spend("token", 60) == Refusal(Limit.ONCE, Scope.TOKEN)
    assert await first.use("ann", 65536, 65536) == 0
    assert await second.use("ann", 65536, 32768) == 0.5


async def test_a_flood_of_connects_is_refused_without_asking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book, now, asked = Book(), 100.0, 0

    async def ask(request: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return answer(book, "worker", request, lambda: now)

    ledger = RemoteLedger(ask, lambda request: None, lambda: now)
    claims = [Claim(Scope.ADDRESS, "192.0.2.7", connects=2), Claim(Scope.ALL, "")]
    refusal = Refusal(Limit.CONNECTS, Scope.ADDRESS, 2)
    for _ in range(10):
        assert ledger.check(claims) is None
        assert isinstance(await ledger.enter(claims), int)
    assert await ledger.enter(claims) == refusal
    for _ in range(100):
        assert ledger.check(claims) == refusal
    assert asked == 11
    assert ledger.check([Claim(Scope.ADDRESS, "192.0.2.8", connects=2)]) is None
    now += 0.51
    assert ledger.check(claims) is None
    assert isinstance(await ledger.enter(claims), int)
    monkeypatch.setattr(remote_ledger, "KNOWN_MAX", 2)
    for number in range(6):
        claim = Claim(Scope.ADDRESS, str(number // 2), connects=0.1)
        await ledger.enter([claim])
    known = [ledger.check([Claim(Scope.ADDRESS, str(n), connects=0.1)]) for n in range(3)]
    assert [one is not None for one in known] == [False, True, True]
    full = [Claim(Scope.SUBJECT, "ann", sessions=1)]
    await ledger.enter(full)
    assert isinstance(await ledger.enter(full), Refusal)
    assert ledger.check(full) is None, "a session may end at any time"


async def test_a_session_that_ends_before_the_answer_is_not_counted() -> None:
    book, asked = Book(), asyncio.Event()

    async def ask(request: Mapping[str, Any]) -> dict[str, Any]:
        answer(book, "worker", request)
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    ledger = RemoteLedger(ask, lambda request: answer(book, "worker", request))  # type: ignore[arg-type]
    task = asyncio.create_task(ledger.enter([ONE]))
    await asked.wait()
    assert book.sessions(Scope.SUBJECT, "Zoë") == 1
    task.cancel()
    await asyncio.wait([task])
    assert book.sessions(Scope.SUBJECT, "Zoë") == 0


async def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_ledger, "ANSWER_TIMEOUT", 0.01)

    async def ask(request: Mapping[str, Any]) -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    told: list[Mapping[str, Any]] = []
    ledger = RemoteLedger(ask, told.append)
    with pytest.raises(BusyError, match="try again later"):
        await ledger.enter([ONE])
    assert told == [{"do": "leave", "lease": 1}]
    with pytest.raises(BusyError):
        await ledger.spend("token", 60)


@pytest.mark.parametrize("request_", [{}, {"do": "enter"}, {"do": "leave", "lease": "1"}])
def test_requests_that_are_unknown(request_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="unknown"):
        answer(Book(), "worker", request_)
