"""Limits of browsers: tokens that work once, and addresses behind a proxy."""

import asyncio
import time

import pytest

from guacr.access.tokens import Grant, make_token
from guacr.limits import limiter
from guacr.limits.ledger import LocalLedger
from guacr.limits.limiter import limit_sessions
from guacr.limits.refusal import Refusal
from guacr.session.origin import TokenTerms
from tests.support.site import running_site

KEY = "a key that is long enough for tokens"


async def test_a_token_that_works_once() -> None:
    terms = TokenTerms("t", once_until=1)
    token = make_token(KEY, Grant(name="sketch", terms=terms), now=time.time(), lifetime=60)
    async with running_site(websocket={"token_keys": [KEY]}, webrtc={"enabled": True}) as site:
        limit_sessions(site.bench.registry, LocalLedger())
        url = f"{site.origin}/webrtc?token={token}"
        async with site.http.ws_connect(url) as signalling:  # checks the token, and is closed
            assert (await signalling.receive_json())["type"] == "servers"
        first = await site.connect(f"token={token}")
        await first.until("sync")
        second = await site.connect(f"token={token}")
        assert (await second.until("error"))[1] == "769"
        assert await second.closed() == (1008, "769")


class SlowLedger(LocalLedger):
    """A ledger that answers about tokens when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.Event()

    async def spend(self, token_id: str, expires: float) -> Refusal | None:
        await self.answer.wait()
        return await super().spend(token_id, expires)


async def test_nobody_is_invited_by_somebody_who_is_not_admitted_yet() -> None:
    ledger = SlowLedger()
    async with running_site(websocket={"token_keys": [KEY]}) as site:
        limit_sessions(site.bench.registry, ledger)
        named = Grant(name="sketch")
        owner = await site.connect(f"token={make_token(KEY, named, now=time.time(), lifetime=60)}")
        await owner.until("sync")
        (session,) = site.bench.registry.sessions
        rights, terms = {"read-only": "false"}, TokenTerms("t", once_until=1)
        joining = Grant(join=session, parameters=rights, terms=terms)
        token = make_token(KEY, joining, now=time.time(), lifetime=60)
        joiner = await site.connect(f"token={token}")
        (tunnel,) = await joiner.until("")
        await joiner.until("ready")
        body = {"tunnel": tunnel, "readOnly": False}
        for path in ("join", "session"):
            async with site.http.post(f"{site.origin}/api/{path}", json=body) as response:
                assert response.status == 404
        ledger.answer.set()
        await joiner.until("sync")
        async with site.http.post(f"{site.origin}/api/join", json=body) as response:
            assert response.status == 200


async def test_the_address_is_that_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "RETRY", 0.0)
    limits, proxies = {"sessions_per_address": 1}, {"trusted_proxies": ["127.0.0.1"]}
    async with running_site(limits=limits, websocket=proxies) as site:
        limit_sessions(site.bench.registry, LocalLedger())
        for address in ("192.0.2.7", "192.0.2.8", "2001:db8::1"):
            client = await site.connect(headers={"X-Forwarded-For": address})
            await client.until("sync")
        for address in ("192.0.2.7", "198.51.100.1, 192.0.2.7", "2001:db8::2"):
            client = await site.connect(headers={"X-Forwarded-For": address})
            assert (await client.until("error"))[1] == "797"
