"""Requests that another worker has to answer."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from aiohttp.test_utils import make_mocked_request

from guacr.access.gateway import Gateway
from guacr.net.handover import Handover
from guacr.web import misplaced as misplaced_module
from guacr.web.guard import HttpGuard
from guacr.web.misplaced import Misplaced, replay


def test_requests_are_replayed_as_they_came() -> None:
    request = make_mocked_request(
        "GET",
        "/websocket?token=a%20b&width=1",
        headers={"Host": "desk.example", "X-Two": "1", "Upgrade": "websocket"},
    )
    assert replay(request) == (
        b"GET /websocket?token=a%20b&width=1 HTTP/1.1\r\n"
        b"Host: desk.example\r\nX-Two: 1\r\nUpgrade: websocket\r\n\r\n"
    )


def test_bodies_have_the_length_that_they_have_now() -> None:
    headers = {
        "Transfer-Encoding": "chunked",
        "Content-Encoding": "deflate",
        "Expect": "100-continue",
        "Content-Type": "application/json",
    }
    request = make_mocked_request("POST", "/api/join", headers=headers)
    assert replay(request, b'{"tunnel": "1"}') == (
        b"POST /api/join HTTP/1.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 15\r\n\r\n{"tunnel": "1"}'
    )


class Guard:
    """The guard of a connection."""

    def __init__(self, *, moves: bool) -> None:
        self.moves = moves
        self.moved: list[tuple[int, bytes]] = []

    def move(self, handover: Handover, worker: int, head: bytes) -> None:
        self.moved.append((worker, head))


@pytest.mark.parametrize(("worker", "moves"), [(0, True), (3, False), (3, True)])
async def test_only_connections_that_may_go_elsewhere_do(
    worker: int, moves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(moves=moves)
    monkeypatch.setattr(HttpGuard, "of", lambda request: guard)
    monkeypatch.setattr(misplaced_module, "MOVE_TIMEOUT", 60.0)
    misplaced = Misplaced(cast(Handover, object()), cast(Gateway, None), ())
    request = make_mocked_request("GET", "/")
    check = asyncio.create_task(misplaced.check(request, worker))
    await asyncio.sleep(0)
    is_moved = bool(worker and moves)
    assert bool(guard.moved) == is_moved
    assert check.done() != is_moved, "what follows is not carried out here"
    check.cancel()
