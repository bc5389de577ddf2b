"""ICE with Chromium, in both roles, with its hidden addresses, and restarts from both ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from guacr.tubes.rtc import sdp
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.ice.settings import IceParameters, IceSettings, IceState
from guacr.tubes.rtc.sdp.description import SessionDescription, Setup
from tests.support.browser import Page, chromium
from tests.support.ice import End
from tests.support.network_namespace import (
    check_namespaces,
    inside,
    ip,
    namespace,
    tun_device,
)
from tests.support.waiting import until

pytestmark = pytest.mark.browser

SETTINGS = IceSettings(keep_alive=0.2, disconnected_after=1.0, failed_after=1.0)
SCRIPT = """
window.peer = new RTCPeerConnection();
window.told = [];
peer.onicecandidate = event => told.push(event.candidate ? event.candidate.candidate : "");
peer.ondatachannel = () => 0;
"""


@pytest_asyncio.fixture(name="page")
async def _page() -> AsyncIterator[Page]:
    """A page in a namespace, which the test is in, too."""
    check_namespaces()
    with namespace() as name, tun_device(name, "one", "10.9.0.1/24"), inside(name):
        ip("-n", name, "route", "add", "default", "dev", "one")  # Chromium offers no other address
        async with chromium() as browser:
            page = await browser.page()
            await page.run(SCRIPT)
            yield page


@dataclass
class Dialogue:
    """An end of ours and a page, which tell each other what they have to."""

    page: Page
    end: End
    taken: int = 0
    told: int = 0

    def description(self, remote: SessionDescription | None = None) -> SessionDescription:
        local = self.end.transport.local
        own = SessionDescription(
            ufrag=local.ufrag,
            password=local.password,
            fingerprints=(CERTIFICATE.fingerprint,),
            setup=Setup.ACTPASS,
        )
        return own if remote is None else own.answering(remote)

    async def answer_page(self) -> SessionDescription:
        """Have the page offer, and answer it."""
        offer = sdp.parse(await self.run("peer.setLocalDescription()", "peer.localDescription.sdp"))
        self.end.transport.set_remote(IceParameters(offer.ufrag, offer.password))
        answer = sdp.write(self.description(offer))
        await self.run(f"peer.setRemoteDescription({{type: 'answer', sdp: {json.dumps(answer)}}})")
        return offer

    async def offer_page(self) -> SessionDescription:
        """Offer, and take the answer of the page."""
        offer = json.dumps(sdp.write(self.description()))
        answer = sdp.parse(
            await self.run(
                f"peer.setRemoteDescription({{type: 'offer', sdp: {offer}}})",
                "peer.setLocalDescription()",
                "peer.localDescription.sdp",
            )
        )
        self.end.transport.set_remote(IceParameters(answer.ufrag, answer.password))
        return answer

    async def run(self, *steps: str) -> Any:
        *awaited, value = steps
        lines = "".join(f"await {step};" for step in awaited)
        return await self.page.run(f"(async () => {{ {lines} return await {value} }})()")

    async def trickle(self) -> None:
        """Carry the new candidates of both."""
        for text in (await self.page.run("told"))[self.taken :]:
            self.taken += 1
            self.end.transport.add_remote_candidate(text)
        for text in self.end.candidates[self.told :]:
            self.told += 1
            one = json.dumps({"candidate": text, "sdpMid": "0"})
            await self.run(f"peer.addIceCandidate({one})")

    async def until_connected(self) -> None:
        """Carry candidates until both are connected by the newest generation."""
        async with asyncio.timeout(20):
            while not await self._connected():
                await self.trickle()
                await asyncio.sleep(0.02)

    async def _connected(self) -> bool:
        state = await self.page.run("peer.iceConnectionState")
        transport = self.end.transport
        ours = transport.state is IceState.CONNECTED and not transport.is_restarting
        return ours and state in ("connected", "completed")


CERTIFICATE = Certificate.create()


@pytest.mark.parametrize("offers", [True, False])
async def test_chromium_connects_and_restarts(page: Page, offers: bool) -> None:
    end = End(SETTINGS, controlling=offers)
    talk = Dialogue(page, end)
    try:
        gathering = asyncio.ensure_future(end.transport.gather())
        if offers:
            first = await talk.offer_page()
        else:
            await page.run("peer.createDataChannel('x'); 0")
            first = await talk.answer_page()
        await talk.until_connected()
        assert end.transport.is_controlling is offers
        before = end.transport.stats
        await until(lambda: (end.transport.stats.round_trip_time or 9) < 1, "a round trip")

        if offers:
            end.transport.restart()
            second = await talk.offer_page()
        else:
            await page.run("peer.restartIce()")
            second = await talk.answer_page()
        assert second.ufrag != first.ufrag
        await talk.until_connected()
        after = end.transport.stats
        assert (before.local, before.remote) != (after.local, after.remote)
        assert end.states == [IceState.CHECKING, IceState.CONNECTED]
        await gathering

        await page.run("peer.close()")
        await end.until(IceState.FAILED)
    finally:
        await end.transport.close()


async def test_chromium_is_found_by_its_name(page: Page) -> None:
    """It does not know where to ask, and hides its address."""
    end = End(SETTINGS, controlling=True)
    talk = Dialogue(page, end)
    try:
        await end.transport.gather()
        talk.told = len(end.candidates)
        await talk.offer_page()
        await talk.until_connected()
        assert ".local " in end.transport.stats.remote
        assert "10.9.0.1" not in end.transport.stats.remote
    finally:
        await end.transport.close()


async def test_chromium_answers_while_it_is_idle(page: Page) -> None:
    """Its own questions, and its answers to ours, keep the connection for longer than a limit."""
    end = End(replace(SETTINGS, keep_alive=0.4), controlling=True)
    talk = Dialogue(page, end)
    try:
        gathering = asyncio.ensure_future(end.transport.gather())
        await talk.offer_page()
        await talk.until_connected()
        await gathering
        asked = end.transport._current.keep_alive
        times: list[float | None] = []
        while len(times) < 6:
            await until(lambda: asked._heard_at not in times, "an answer")
            times.append(asked._heard_at)
        assert end.states == [IceState.CHECKING, IceState.CONNECTED]
    finally:
        await end.transport.close()
