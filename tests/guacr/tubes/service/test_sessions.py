"""Sessions over WebRTC: opening, data in both directions, rights, the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest

from guacr.errors import UpstreamError
from guacr.policy.client import Client
from guacr.protocol.instruction import encode
from guacr.session.input.reader import Reader
from guacr.session.session import Session
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.peer import PeerState
from guacr.tubes.sctp import ChannelState
from guacr.tubes.service import browser_tube
from guacr.tubes.service.browser_connection import PAYLOAD_MAX
from guacr.tubes.service.browser_tube import LIMITS
from guacr.tubes.wire.control import CloseConnection, ConnectionOpened, OpenConnection, SendEof
from guacr.tubes.wire.frames import OVERHEAD
from guacr.web.app import _TUNNELS
from tests.support.loopback import SketchHandler
from tests.support.site import Site, running_site
from tests.support.waiting import until
from tests.support.webrtc import WEBRTC, BrowserPeer, browser_peer

REFUSED = CloseReason.CONNECTION_FAILED


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site(webrtc=WEBRTC) as running:
        yield running


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[BrowserPeer]:
    async with browser_peer(site) as peer:
        yield peer


def sessions(site: Site) -> list[Session]:
    return list(site.bench.registry.sessions.values())


def handler_of(site: Site) -> SketchHandler:
    (session,) = sessions(site)
    return cast(SketchHandler, session.handler)


async def all_over(site: Site, browser: BrowserPeer) -> None:
    """Wait until nothing is left of the browser's session, at both ends."""
    assert site.tubes is not None
    tubes = site.tubes
    await until(lambda: not sessions(site), "the end of the session")
    await until(lambda: tubes.tubes == 0, "the end of the tube")
    await until(lambda: browser.peer.state is PeerState.CLOSED, "the end of the connection")


# ---- opening


async def test_a_session(site: Site, browser: BrowserPeer) -> None:
    await browser.open("connection=sketch&width=640&height=480")
    await browser.until("sync")
    assert browser.received[0].opcode == ""  # the tunnel's UUID
    assert len(browser.received[0].args[0]) == 36
    assert ConnectionOpened(1) in browser.controls
    assert sessions(site)[0].context.size == (640, 480)
    assert sessions(site)[0].context.origin.client == Client("webrtc", "127.0.0.1")
    browser.send("key", 0x61, 1)
    await until(lambda: ("key", 0x61, True) in handler_of(site).events, "the key")


async def test_nothing_is_opened_before_connection_1(site: Site, browser: BrowserPeer) -> None:
    await browser.connect()
    await until(lambda: browser.controls, "the answerer's pings")
    assert sessions(site) == []
    browser.control(OpenConnection(1))
    await browser.until("sync")
    assert len(sessions(site)) == 1


async def test_pings_are_echoed(browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    browser.send("", "ping", 12345)
    await until(lambda: ("ping", "12345") in browser.all(""), "the echo")


async def test_emoji_are_sent_as_they_are(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    sessions(site)[0].context.set_name("😀 desk")
    await until(lambda: ("😀 desk",) in browser.all("name"), "the title")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (OpenConnection(2), "only connection 1 can be opened, once"),
        (OpenConnection(1, b"\0\0\0\1a\0\1"), "the connection cannot have a target"),
    ],
)
async def test_what_cannot_be_opened(
    site: Site, browser: BrowserPeer, message: OpenConnection, text: str
) -> None:
    await browser.connect()
    browser.control(message)
    await until(
        lambda: [one for one in browser.controls if isinstance(one, CloseConnection)], "the refusal"
    )
    (close,) = [one for one in browser.controls if isinstance(one, CloseConnection)]
    assert (close.conn_no, close.reason) == (message.conn_no, REFUSED)
    assert close.text.startswith(text)
    assert sessions(site) == []


async def test_a_second_connection_is_refused(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    browser.control(OpenConnection(2))
    await until(lambda: [c for c in browser.controls if isinstance(c, CloseConnection)], "it")
    browser.send("key", 0x61, 1)
    await until(lambda: ("key", 0x61, True) in handler_of(site).events, "the key")


@pytest.mark.parametrize("label", ["guacamole", "another"])
async def test_a_second_channel_is_closed_and_the_session_goes_on(
    site: Site, browser: BrowserPeer, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    monkeypatch.setattr("guacr.tubes.unclaimed.UNCLAIMED_FOR", 0.01)
    await browser.open()
    await browser.until("sync")

    second = browser.peer.open_channel(label)

    await until(lambda: second.state is ChannelState.CLOSED, "the refusal")
    assert site.bench.registry.sessions
    assert not browser.closes


async def test_an_error_while_opening_is_told(site: Site, browser: BrowserPeer) -> None:
    site.bench.registry.settings = site.bench.registry.settings.model_copy(
        update={
            "server": site.bench.registry.settings.server.model_copy(update={"max_sessions": 1})
        }
    )
    first = await site.connect()
    await first.until("sync")
    await browser.open()
    await browser.until("error")
    await until(lambda: browser.closes, "the end")
    assert [one.opcode for one in browser.received] == ["", "error"]
    status = browser.all("error")[0][1]
    assert browser.closes == [CloseConnection(1, CloseReason.GUACD_ERROR, status)]


async def test_whoever_connects_and_opens_nothing_is_disconnected(
    site: Site, browser: BrowserPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_tube, "OPEN_TIMEOUT", 1.0)
    await browser.connect()
    await all_over(site, browser)


async def test_all_connections_are_in_use() -> None:
    async with (
        running_site(webrtc=WEBRTC | {"max_tubes": 1}) as site,
        browser_peer(site) as first,
        browser_peer(site) as second,
    ):
        await first.open()
        await second.dial()
        await second.say("offer", sdp=await second.peer.create_offer())
        error = await second.told_error()
        assert error["status"] == 0x0201
        assert error["message"] == "all 1 WebRTC connections are in use"


async def test_all_connections_of_an_address_are_in_use() -> None:
    """A proxy on this machine tells the addresses of the browsers."""
    proxied = {"trusted_proxies": ["127.0.0.1"]}
    async with (
        running_site(webrtc=WEBRTC | {"max_tubes_per_address": 1}, websocket=proxied) as site,
        browser_peer(site) as first,
        browser_peer(site) as second,
        browser_peer(site) as third,
    ):
        await first.dial(headers={"X-Forwarded-For": "2001:db8::1"})
        await first.offer()
        await second.dial(headers={"X-Forwarded-For": "2001:db8::2"})
        await second.say("offer", sdp=await second.peer.create_offer())
        error = await second.told_error()
        assert error["status"] == 0x0201
        assert error["message"] == "all 1 WebRTC connections of this address are in use"
        await third.dial(headers={"X-Forwarded-For": "2001:db8:0:1::2"})
        await third.offer()
        assert site.tubes is not None
        assert site.tubes.tubes == 2
        await first.close()
        await until(lambda: site.tubes is not None and site.tubes.tubes == 1, "the first's end")
        async with browser_peer(site) as fourth:
            await fourth.dial(headers={"X-Forwarded-For": "2001:db8::3"})
            await fourth.offer()


# ---- the tunnel's UUID


async def test_links_to_share(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    body = {"tunnel": browser.received[0].args[0]}
    async with site.http.post(f"{site.origin}/api/session", json=body) as response:
        assert await response.json() == {"readOnly": False, "resizable": True}
    async with site.http.post(f"{site.origin}/api/join", json=body) as response:
        token = (await response.json())["token"]
    async with browser_peer(site) as viewer:
        await viewer.open(f"token={token}")
        await viewer.until("sync")
        (session,) = sessions(site)
        assert [user.rights.read_only for user in session.users] == [False, True]
        viewer.send("key", 0x62, 1)
        browser.send("key", 0x61, 1)
        await until(lambda: ("key", 0x61, True) in handler_of(site).events, "the owner's key")
        assert ("key", 0x62, True) not in handler_of(site).events


async def test_a_tunnel_that_has_ended_shares_nothing(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    body = {"tunnel": browser.received[0].args[0]}
    browser.control(CloseConnection(1, CloseReason.NORMAL))
    await all_over(site, browser)
    async with site.http.post(f"{site.origin}/api/join", json=body) as response:
        assert response.status == 404


# ---- data


async def test_instructions_in_pieces(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    for byte in encode("key", 0x61, 1) + encode("key", 0x61, 0):
        browser.data(bytes((byte,)))
    await until(lambda: ("key", 0x61, False) in handler_of(site).events, "the key")
    assert ("key", 0x61, True) in handler_of(site).events


async def test_a_frame_that_is_too_long_ends_the_session(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    whole = b"3.nop;" * (PAYLOAD_MAX // 6) + b" " * (PAYLOAD_MAX % 6)
    frame = bytearray(b"\0\0\0\1" + bytes(8) + (len(whole) + 1).to_bytes(4, "big"))
    frame += whole + b" ;"
    for at in range(0, len(frame), 60000):
        browser.channel.send(bytes(frame[at : at + 60000]))
    await browser.until("error")
    assert browser.all("error")[0][1] == str(0x030D)
    await all_over(site, browser)


async def test_nothing_is_read_while_the_host_accepts_nothing(
    site: Site, browser: BrowserPeer
) -> None:
    await browser.open()
    await browser.until("sync")
    (session,) = sessions(site)
    session.context.pause_input()
    for _ in range(200):  # far more than the window
        browser.data(encode("mouse", 1, 1, 0) + encode("unknown", "x" * 8000) * 3)
    assert site.tubes is not None
    (tube,) = site.tubes._tubes.values()
    (conversation,) = tube._tube.conversations.values()
    assert conversation is not None
    held = conversation._channel._held
    await until(lambda: sum(map(len, held)) > LIMITS.window // 2, "the closed window")
    assert browser.channel.buffered
    session.context.resume_input()
    await until(lambda: ("mouse", 1, 1, 0) in handler_of(site).events, "the pointer")
    await until(lambda: not browser.channel.buffered, "the open window")


async def test_what_a_browser_does_not_read_is_counted(
    site: Site, browser: BrowserPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.open()
    await browser.until("sync")
    drained: list[int] = []
    browser.channel.pause_reading()
    (session,) = sessions(site)
    (user,) = session.users
    sent = 0
    while not user.link.buffered > 1 << 20:
        sent += 10_000
        user.link.send(encode("nop") * 10_000)
    size = user.link.buffered
    user.link.send(encode("nop"))
    assert user.link.buffered == size + len(encode("nop")) + OVERHEAD
    monkeypatch.setattr(Reader, "drained", lambda self: drained.append(user.link.buffered))
    browser.channel.resume_reading()
    await until(lambda: len(browser.all("nop")) == sent + 1, "all that was sent")
    await until(lambda: user.link.buffered == 0, "an empty buffer")
    assert drained
    assert set(drained) == {0}


# ---- the end


async def test_the_browser_leaves(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    browser.send("disconnect")
    browser.control(CloseConnection(1, CloseReason.NORMAL))
    await all_over(site, browser)


async def test_the_browser_sends_no_more(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    browser.control(SendEof(1))
    await all_over(site, browser)


async def test_the_browser_closes_the_channel(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    browser.channel.close()
    await all_over(site, browser)


async def test_the_browser_closes_the_connection(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    await browser.peer.close()
    await all_over(site, browser)


async def test_the_session_fails(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    handler_of(site).fail(UpstreamError("the host is gone"))
    await all_over(site, browser)
    assert browser.all("error") == [("the host is gone", str(0x0203))]
    assert browser.closes == [CloseConnection(1, CloseReason.GUACD_ERROR, str(0x0203))]


async def test_the_session_ends(site: Site, browser: BrowserPeer) -> None:
    await browser.open()
    await browser.until("sync")
    handler_of(site).end.set_result(None)
    await all_over(site, browser)
    assert browser.closes == [CloseConnection(1, CloseReason.NORMAL, "0")]


async def test_the_daemon_ends(browser: BrowserPeer, site: Site) -> None:
    await browser.open()
    await browser.until("sync")
    assert site.tubes is not None
    site.tubes.stop()
    await site.bench.registry.close()
    await site.tubes.close()
    await until(lambda: browser.all("error"), "the reason")
    await all_over(site, browser)


async def test_many_come_and_go(site: Site) -> None:
    for _ in range(10):
        async with browser_peer(site) as browser:
            await browser.open()
            await browser.until("sync")
    assert site.tubes is not None
    tubes = site.tubes
    await until(lambda: not sessions(site) and tubes.tubes == 0, "the end of all")
    assert not site.runner.app[_TUNNELS]._transports
