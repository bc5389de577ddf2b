"""Signalling: who may connect, and what hostile browsers get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from socket import SHUT_RDWR

import aiohttp
import pytest
from aiohttp import WSMsgType

from guacr.settings.models import Settings
from guacr.tubes.rtc.peer import PeerState
from guacr.tubes.service import service, signalling
from guacr.tubes.service.messages import CANDIDATE_MAX, MESSAGE_MAX
from guacr.tubes.service.signalling import RECEIVED_MAX
from guacr.tubes.wire.control import OpenConnection
from guacr.web.guard import ANSWER_TIMEOUT
from tests.support.site import Site, running_site
from tests.support.waiting import until
from tests.support.webrtc import WEBRTC, BrowserPeer, browser_peer

KEY = "a key that is long enough for tokens"
CANDIDATE = "candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site(webrtc=WEBRTC) as running:
        yield running


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[BrowserPeer]:
    async with browser_peer(site) as peer:
        yield peer


def tubes(site: Site) -> int:
    assert site.tubes is not None
    return site.tubes.tubes


# ---- who may connect


async def test_without_the_setting_there_is_no_endpoint() -> None:
    async with running_site() as site:
        for path, status in (("/webrtc", 404), ("/", 200)):
            async with site.http.get(site.origin + path) as response:
                assert response.status == status
                assert "data-webrtc" not in await response.text()


async def test_the_page_knows_that_it_is_offered(site: Site) -> None:
    async with site.http.get(site.origin) as response:
        assert "<html data-webrtc " in await response.text()


async def test_it_is_a_websocket(site: Site) -> None:
    async with site.http.get(f"{site.origin}/webrtc?connection=sketch") as response:
        assert response.status == 400


async def test_pages_of_other_origins_are_refused(site: Site, browser: BrowserPeer) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await browser.dial(headers={"Origin": "https://evil.example"})
    assert caught.value.status == 403
    await browser.dial(headers={"Origin": site.origin})


async def test_without_the_secret_of_the_start_it_is_refused() -> None:
    async with running_site(secret="s", webrtc=WEBRTC) as site, browser_peer(site) as browser:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await browser.dial()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("connection=other", 0x0204),
        ("", 0x0204),
        ("token=x", 0x0301),
        ("connection=sketch&x=1", 0x0303),
    ],
)
async def test_what_may_not_be_opened(
    site: Site, browser: BrowserPeer, query: str, status: int
) -> None:
    await browser.dial(query)
    error = await browser.told_error()
    assert error["status"] == status
    assert error["message"]
    assert browser.heard("servers") == []


async def test_a_token_is_needed() -> None:
    keys = {"token_keys": [KEY]}
    async with running_site(webrtc=WEBRTC, websocket=keys) as site, browser_peer(site) as browser:
        await browser.dial()
        assert (await browser.told_error())["status"] == 0x0301


# ---- messages


async def test_servers_come_first(site: Site, browser: BrowserPeer) -> None:
    await browser.dial()
    await until(lambda: browser.told, "the first message")
    assert browser.told == [{"type": "servers", "iceServers": [], "iceTransportPolicy": "all"}]


async def test_new_settings_apply_to_what_begins_then(site: Site, browser: BrowserPeer) -> None:
    assert site.tubes is not None
    await browser.open()
    await browser.until("sync")
    servers = [{"url": "turn:turn.example", "username": "ann", "credential": "word"}]
    section = WEBRTC | {"servers": servers, "max_tubes": 1}
    site.tubes.reload(Settings.model_validate({"webrtc": section}))()
    async with browser_peer(site) as second:
        await second.dial()
        await until(lambda: second.told, "the servers")
        told = {"urls": "turn:turn.example", "username": "ann", "credential": "word"}
        assert second.told[0]["iceServers"] == [told]
        await second.say("offer", sdp=await second.peer.create_offer())
        assert (await second.told_error())["status"] == 0x0201
    assert tubes(site) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"type": 7}',
        "{}",
        '{"type": "answer", "sdp": "v=0"}',
        '{"type": "offer"}',
        '{"type": "offer", "sdp": 7}',
        '{"type": "offer", "sdp": ""}',
        '{"type": "offer", "sdp": "v=0\\r\\n"}',
        '{"type": "offer", "sdp": "\\u0000"}',
        '{"type": "candidate"}',
        '{"type": "candidate", "candidate": ""}',
        '{"type": "resume", "secret": "x"}',
        '{"type": "\\ud800"}',
        json.dumps({"type": "candidate", "candidate": "x" * (CANDIDATE_MAX + 1)}),
        "[" * 60000,
    ],
)
async def test_messages_that_end_signalling(site: Site, browser: BrowserPeer, text: str) -> None:
    await browser.dial()
    await browser.socket.send_str(text)
    error = await browser.told_error()
    assert error["message"]
    assert error["status"] in (0x0203, 0x0300)
    await until(lambda: tubes(site) == 0, "the end of the tube")


async def test_binary_messages_are_refused(browser: BrowserPeer) -> None:
    await browser.dial()
    await browser.socket.send_bytes(b"{}")
    assert (await browser.told_error())["status"] == 0x030F


async def test_a_message_that_is_too_long(browser: BrowserPeer) -> None:
    await browser.dial()
    await browser.socket.send_str("x" * (MESSAGE_MAX + 1))
    await until(lambda: browser.socket.closed, "the end of signalling")
    assert browser.socket.close_code == 1009


async def test_too_many_messages(site: Site, browser: BrowserPeer) -> None:
    await browser.dial()
    await browser.offer()
    sent = 1 + len(browser._candidates)
    for _ in range(RECEIVED_MAX - sent):
        await browser.say("candidate", candidate=CANDIDATE)
    assert not browser.heard("error")
    await browser.say("candidate", candidate=CANDIDATE)
    assert (await browser.told_error())["status"] == 0x030D


async def test_candidates_that_cannot_be_used_are_ignored(browser: BrowserPeer) -> None:
    await browser.dial()
    await browser.say("offer", sdp=await browser.peer.create_offer())
    for text in ("candidate:", "x", "candidate:1 1 udp 1 evil\u0000 1 typ host", CANDIDATE):
        await browser.say("candidate", candidate=text)
    await until(lambda: browser.heard("answer"), "the answer")
    assert not browser.heard("error")


async def test_signalling_has_its_time(
    site: Site, browser: BrowserPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.SIGNALLING_TIME + signalling.CLOSE_TIMEOUT < ANSWER_TIMEOUT
    monkeypatch.setattr(service, "SIGNALLING_TIME", 0.3)
    await browser.dial()
    await until(lambda: browser.socket.closed, "the end of signalling")
    assert browser.socket.close_code == 1000


async def test_a_browser_that_reads_nothing_is_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "SIGNALLING_TIME", 0.3)
    monkeypatch.setattr(signalling, "CLOSE_TIMEOUT", 0.3)
    url = f"{site.origin}/webrtc?connection=sketch"
    async with site.http.ws_connect(url, autoping=False) as socket:
        message = await socket.receive()
        assert message.type is WSMsgType.TEXT
        assert site.tubes is not None
        signallings = site.tubes._signallings
        await until(lambda: not signallings, "the end of signalling")


# ---- the tube and its signalling


@pytest.mark.parametrize("abruptly", [False, True])
async def test_a_tube_without_signalling_ends_before_it_is_connected(
    site: Site, browser: BrowserPeer, abruptly: bool
) -> None:
    await browser.dial()
    await browser.say("offer", sdp=await browser.peer.create_offer())
    await until(lambda: browser.heard("answer"), "the answer")
    assert tubes(site) == 1
    if abruptly:
        browser.socket.get_extra_info("socket").shutdown(SHUT_RDWR)
    else:
        await browser.socket.close()
    await until(lambda: tubes(site) == 0, "the end of the tube")
    assert site.tubes is not None
    signallings = site.tubes._signallings
    await until(lambda: not signallings, "the end of signalling")


async def test_signalling_ends_with_the_daemon(site: Site, browser: BrowserPeer) -> None:
    assert site.tubes is not None
    await browser.dial()
    await until(lambda: browser.told, "the first message")
    site.tubes.stop()
    await until(lambda: browser.socket.closed, "the end of signalling")
    await browser.dial()
    await browser.say("offer", sdp=await browser.peer.create_offer())
    assert "shutting down" in (await browser.told_error())["message"]


async def test_a_connected_tube_needs_no_signalling(site: Site, browser: BrowserPeer) -> None:
    await browser.connect()
    await browser.socket.close()
    browser.control(OpenConnection(1))
    await browser.until("sync")
    assert tubes(site) == 1


async def resume(browser: BrowserPeer, **changes: str) -> None:
    """Open a signalling connection for the tube that there is."""
    answer = browser.heard("answer")[0] | changes
    await browser.socket.close()
    browser.told.clear()
    await browser.dial(f"tube={answer['tube']}")
    await browser.say("resume", secret=answer["secret"])


async def test_ice_is_restarted(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    before = browser.peer.remote
    await resume(browser)
    await until(lambda: browser.heard("servers"), "the servers")
    await browser.offer(restart=True)
    assert before is not None
    assert browser.peer.remote is not None
    assert browser.peer.remote.ufrag != before.ufrag
    browser.send("", "ping", 77)
    await until(lambda: ("ping", "77") in browser.all(""), "the echo")
    assert browser.peer.state is PeerState.CONNECTED
    assert tubes(site) == 1


@pytest.mark.parametrize("changes", [{"secret": "wrong"}, {"tube": "unknown"}, {"secret": "é"}])
async def test_nobody_else_may_restart(
    site: Site, browser: BrowserPeer, changes: dict[str, str]
) -> None:
    await browser.open()
    await browser.until("sync")
    await resume(browser, **changes)
    assert (await browser.told_error())["status"] == 0x0303
    assert tubes(site) == 1


async def test_the_secret_comes_first(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    tube = browser.heard("answer")[0]["tube"]
    await browser.dial(f"tube={tube}")
    await browser.say("offer", sdp="v=0")
    assert (await browser.told_error())["status"] == 0x0303


async def test_too_many_offers(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    for _ in range(9):
        await browser.say("offer", sdp=await browser.peer.restart_ice())
    error = await browser.told_error()
    assert error["message"].startswith("too many offers")
    assert tubes(site) == 1  # only the signalling has ended


async def test_an_offer_of_another_peer_is_refused(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    async with browser_peer(site) as other:
        await browser.say("offer", sdp=await other.peer.create_offer())
    assert "certificate" in (await browser.told_error())["message"]
    assert tubes(site) == 1
