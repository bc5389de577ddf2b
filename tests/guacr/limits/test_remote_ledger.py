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
