"""Sessions over WebRTC in Chromium: use, sharing, the end, and what happens where it is blocked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from guacr.display.geometry import Rect
from guacr.errors import UpstreamError
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.ice.transport import IceTransport
from guacr.tubes.service.browser_tube import BrowserTube
from guacr.tubes.service.signalling import Signalling
from tests.browser.files import choose as choose_file
from tests.browser.files import folder, state, stored
from tests.browser.test_view import choose
from tests.browser.visit import (
    CONNECTED,
    NOTICE,
    TYPED_A,
    connected,
    handler_of,
    happened,
    keys_of,
    see,
    sessions,
)
from tests.support.browser import CTRL, SHIFT, Browser, Page, Window
from tests.support.coturn import coturn
from tests.support.lossy_relay import LossyRelay
from tests.support.site import Site, running_site
from tests.support.waiting import until, until_saved
from tests.support.webrtc import WEBRTC

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SECRET = "north of the border"
CONNECTIONS = {
    "sketch": {"protocol": "sketch", "title": "A sketch"},
    "console": {"protocol": "sqlite", "parameters": {"database": ":sample:"}},
    "card": {"protocol": "testcard", "title": "Test card"},
}
STATISTICS = "document.querySelector('#statistics').textContent"
TOAST = "document.querySelector('#toast')"
SOON = """
const real = window.setTimeout;
window.setTimeout = (act, milliseconds, ...values) =>
  real(act, milliseconds === 15000 ? 4000 : milliseconds, ...values);
"""
"""A script with which a page gives up a silent daemon after 4 s instead of 15."""
NO_UDP = WEBRTC | {"interfaces": ["there-is-none"]}


@pytest_asyncio.fixture(loop_scope="session")
async def site(browser: Browser) -> AsyncIterator[Site]:
    async with running_site(webrtc=WEBRTC, connections=CONNECTIONS) as running:
        await browser.allow_clipboard(running.origin)
        yield running


def tubes(site: Site) -> int:
    assert site.tubes is not None
    return site.tubes.tubes


class Gate:
    """Lets the daemon's datagrams through."""

    is_open = True


def remote_of(site: Site) -> str:
    """The browser's ICE credentials of the only tube."""
    assert site.tubes is not None
    (tube,) = site.tubes._tubes.values()
    assert tube._tube.peer.remote is not None
    return tube._tube.peer.remote.ufrag


async def carried_by(page: Page, name: str) -> None:
    """Wait until the statistics name what carries the session."""
    await choose(page, "#view-statistics")
    await page.until(f"/{name}$/.test({STATISTICS})", name)


# ---- use


async def test_a_terminal(page: Page, site: Site) -> None:
    await connected(page, site, "connection=console")
    assert tubes(site) == 1
    await see(site, "sample>")
    await page.type("select 6 * 7 as answer;\n")
    await see(site, "42")
    await carried_by(page, "WebRTC")
    assert page.errors == []


async def test_the_test_card(page: Page, site: Site) -> None:
    await page.goto(f"{site.origin}/#connection=card")
    await page.until(CONNECTED, "the test card")
    await carried_by(page, "WebRTC")
    await page.until(f"Number({STATISTICS}.split(' ')[0]) > 0", "a picture that moves")
    assert page.errors == []


async def test_files(page: Page, site: Site, tmp_path: Path) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await folder(page, site, "files")
    assert tubes(site) == 1
    await page.run(choose_file("new File([new Uint8Array(2_000_000).fill(7)], 'a 😀.bin')"))
    await page.until(state(page, "a 😀.bin", "2.0 MB, "), "the upload")
    assert stored(site, "/a 😀.bin") == b"\7" * 2_000_000
    await page.click('#files-rows [aria-label="Download a 😀.bin"]')
    await until_saved(tmp_path / "a 😀.bin", b"\7" * 2_000_000)
    assert page.errors == []


async def test_keys_and_a_title_beyond_16_bits(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.type("a")
    await happened(site, "key", TYPED_A, False)
    sessions(site)[0].context.set_name("😀 desk")
    await page.until("document.title.endsWith('😀 desk')", "the title")
    assert tubes(site) == 1


async def test_the_clipboard_both_ways(page: Page, site: Site) -> None:
    await connected(page, site)
    text = "h\u00e9llo 😀 " * 20_000  # many frames each way
    sessions(site)[0].context.send_clipboard("text/plain", text.encode())
    await page.until(
        f"navigator.clipboard.readText().then(t => t.length === {len(text) + 20_000})", "it"
    )
    await page.run(
        "navigator.clipboard.readText().then(t => navigator.clipboard.writeText(t + '!'))"
    )
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await happened(site, "clipboard", "text/plain", (text + "!").encode())
    assert tubes(site) == 1


async def test_the_remote_screen_follows_the_window(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.resize(Window(width=960, height=600))
    await happened(site, "resize", 960, 600)
    await page.until("document.querySelector('#display > div').clientWidth === 960", "the picture")


async def test_a_link_to_watch(browser: Browser, page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-share")
    link = await page.until("document.querySelector('#share-link').value", "the link")
    viewer = await browser.page()
    await viewer.goto(link)
    await viewer.until(CONNECTED, "the viewer's picture")
    await viewer.until_visible("#watching")
    assert tubes(site) == 2
    await viewer.close()
    await page.until("/left this session/.test(document.body.innerText)", "the user who left")
    await until(lambda: tubes(site) == 1, "the end of the viewer's tube")


# ---- the end


async def test_the_person_leaves(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-leave")
    await until(lambda: not sessions(site) and not tubes(site), "the end")
    await page.until_visible(".card")
    assert page.errors == []


async def test_the_person_closes_the_tab(browser: Browser, site: Site) -> None:
    page = await browser.page()
    await connected(page, site)
    await page.close()
    await until(lambda: not sessions(site) and not tubes(site), "the end", timeout=5)


async def test_the_sentence_of_the_daemon_and_a_new_try(page: Page, site: Site) -> None:
    await connected(page, site)
    handler_of(site).fail(UpstreamError("the host's disk is full: delete something"))
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Connection failed"
    assert await page.text("#notice-text") == "The host's disk is full: delete something."
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the new picture")
    assert tubes(site) == 1


async def test_a_session_that_ends_by_itself(page: Page, site: Site) -> None:
    await connected(page, site)
    handler_of(site).end.set_result(None)
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Session ended"


async def test_a_connection_that_is_cut(page: Page, site: Site) -> None:
    await connected(page, site)
    assert site.tubes is not None
    for tube in list(site.tubes._tubes.values()):
        tube.close_soon(CloseReason.CONNECTION_LOST)
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Connection lost"
    await page.until(CONNECTED, "the new picture")
    assert tubes(site) == 1


async def test_the_daemon_ends(page: Page, site: Site) -> None:
    await connected(page, site)
    assert site.tubes is not None
    site.tubes.stop()
    await site.bench.registry.close()
    await site.tubes.close()
    await page.until_visible(NOTICE)
    assert "shutting down" in await page.text("#notice-text")


async def test_cancelled_while_it_connects(page: Page) -> None:
    async with running_site(webrtc=NO_UDP) as site:
        await page.goto(f"{site.origin}/#connection=sketch")
        await until(lambda: tubes(site), "the attempt")
        await page.run("document.querySelector('#notice-cancel').click()")
        await page.until_visible(".card")
        await until(lambda: not tubes(site), "the end of the attempt")
        assert sessions(site) == []


# ---- other ways


async def test_without_udp_it_is_a_websocket(page: Page) -> None:
    async with running_site(webrtc=NO_UDP) as site:
        await connected(page, site)
        await carried_by(page, "WebSocket")
        await until(lambda: not tubes(site), "the end of the attempt")
        assert len(sessions(site)) == 1  # the attempt has opened none
        await page.run("performance.clearResourceTimings()")
        await connected(page, site)  # at once, without another attempt
        assert tubes(site) == 0
        assert float(await page.run("performance.now()")) < 4000
        await page.run("dispatchEvent(new Event('online'))")  # perhaps another network
        await page.run("location.reload()")
        await until(lambda: tubes(site), "the next attempt")


async def test_a_server_that_does_not_offer_it(page: Page) -> None:
    async with running_site() as site:
        await connected(page, site)
        await carried_by(page, "WebSocket")
        assert page.errors == []


async def test_a_browser_without_it(page: Page, site: Site) -> None:
    await page.call(
        "Page.addScriptToEvaluateOnNewDocument", source="delete window.RTCPeerConnection"
    )
    await connected(page, site)
    await carried_by(page, "WebSocket")
    assert tubes(site) == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_through_a_turn_server_with_a_shared_secret(page: Page, transport: str) -> None:
    async with coturn(secret=SECRET) as turn:
        url = f"turn:127.0.0.1:{turn.port}?transport={transport}"
        relayed = WEBRTC | {"relay_only": True, "servers": [{"url": url, "secret": SECRET}]}
        async with running_site(webrtc=relayed) as site:
            await connected(page, site)
            assert tubes(site) == 1
            await page.type("a")
            await happened(site, "key", TYPED_A, False)
            assert turn.allocations() == 2
            await carried_by(page, "WebRTC, relayed")


# ---- changes of the network


async def test_another_network_is_another_way_for_the_same_session(page: Page, site: Site) -> None:
    await connected(page, site)
    before = remote_of(site)
    await page.run("dispatchEvent(new Event('online'))")
    await until(lambda: remote_of(site) != before, "the restart")
    await page.type("a")
    await happened(site, "key", TYPED_A, False)
    assert tubes(site) == 1
    assert page.errors == []


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """What lets the daemon's data pass; its answers to connectivity checks always do."""
    send, gate = IceTransport.send, Gate()

    def send_if_open(self: IceTransport, datagram: bytes) -> None:
        if gate.is_open:
            send(self, datagram)

    monkeypatch.setattr(IceTransport, "send", send_if_open)
    return gate


async def test_an_interruption_is_told_and_survived(page: Page, site: Site, gate: Gate) -> None:
    await connected(page, site)
    before = remote_of(site)
    gate.is_open = False
    await page.until(f"/slow or interrupted/.test({TOAST}.textContent)", "the warning")
    await until(lambda: remote_of(site) != before, "the restart")
    gate.is_open = True
    await page.until(f"{TOAST}.hidden", "the end of the warning")
    await page.type("a")
    await happened(site, "key", TYPED_A, False)
    assert len(sessions(site)) == tubes(site) == 1


async def test_a_long_interruption_is_a_loss(page: Page, site: Site, gate: Gate) -> None:
    await page.call("Page.addScriptToEvaluateOnNewDocument", source=SOON)
    await connected(page, site)
    gate.is_open = False
    await page.until(f"!!document.querySelector('{NOTICE}')", "the loss")
    assert await page.text("#notice-title") == "Connection lost"
    await page.until("/Reconnecting in/.test(document.body.innerText)", "another attempt")
    gate.is_open = True
    await page.until(CONNECTED, "the new picture")


async def test_a_network_that_delays_and_loses(
    page: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay, send = LossyRelay(delay=0.015, loss=0.05), Signalling.send

    def send_routed(self: Signalling, message: Mapping[str, Any]) -> None:
        if message["type"] == "candidate":
            message = {**message, "candidate": relay.routed(message["candidate"])}
            if not message["candidate"]:
                return
        send(self, message)

    monkeypatch.setattr(Signalling, "send", send_routed)
    answer = BrowserTube.answer

    def without_candidates(description: str) -> str:
        lines = description.splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith("a=candidate"))

    async def answer_without(self: BrowserTube, offer: str) -> str:
        return without_candidates(await answer(self, without_candidates(offer)))

    monkeypatch.setattr(BrowserTube, "answer", answer_without)
    monkeypatch.setattr(BrowserTube, "add_candidate", lambda self, text: None)
    try:
        await connected(page, site)
        typed = "the quick brown fox jumps over the lazy dog" * 3
        await page.type(typed.replace(" ", ""))
        wanted = [(ord(key), down) for key in typed.replace(" ", "") for down in (True, False)]
        await until(lambda: keys_of(site) == wanted, "all keys in order")
        picture = handler_of(site).surface
        picture.fill(Rect(0, 0, 1280, 800), (1, 2, 3))
        sessions(site)[0].context.changed()
        pixel = (
            "document.querySelector('#display canvas').getContext('2d').getImageData(9, 9, 1, 1)"
        )
        await page.until(f"[...{pixel}.data].join() === '1,2,3,255'", "the picture")
        assert relay.lost > 10
        assert tubes(site) == 1
    finally:
        relay.close()


# ---- the page's side of the format


async def test_frames_and_instructions_in_pieces(page: Page, site: Site) -> None:
    await page.goto(site.origin)
    assert await page.run(f"(async () => {{ {IN_PIECES} }})()") == "as it should be"


@pytest.mark.parametrize("text", ["x", "1234567", "1.ab", "-1.a;", "1e.a;", "4.sync:"])
async def test_what_is_no_instruction(page: Page, site: Site, text: str) -> None:
    await page.goto(site.origin)
    script = (
        "import('./static/instructions.js').then(({ InstructionReader }) => {"
        f" try {{ new InstructionReader(() => {{}}).feed({text!r}); return 'accepted' }}"
        " catch (error) { return error.message } })"
    )
    waits = text == "x"
    assert (await page.run(script) == "accepted") is waits


IN_PIECES = r"""
const { FrameReader, FrameWriter, closing } = await import("./static/frames.js");
const { instruction, InstructionReader } = await import("./static/instructions.js");
const wanted = [
  ["name", ["a, b; 3.x 😀é"]], ["", ["ping", "1"]], ["sync", ["", "0"]], ["nop", []],
  ["long", ["😀".repeat(9000)]],
];
const messages = [];
const writer = new FrameWriter((frame) => messages.push(frame.slice()));
writer.open(1);
for (const [opcode, args] of wanted) writer.text(1, instruction([opcode, ...args]));
writer.close(1);
if (messages.length !== 8 || messages.some(({ length }) => length > 32734)) return "the messages";
const bytes = messages.flatMap((message) => [...message]);
const controls = [null, { number: 1, text: "" }];

function read(parts) {
  const seen = [], control = [];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const instructions = new InstructionReader((opcode, args) => seen.push([opcode, args]));
  const frames = new FrameReader((number, payload) => {
    if (number) instructions.feed(decoder.decode(payload, { stream: true }));
    else control.push(closing(payload));
  });
  for (const part of parts) frames.feed(new Uint8Array(part).buffer);
  return JSON.stringify([seen, control]) === JSON.stringify([wanted, controls]);
}

const cuts = [...Array(200).keys(), ...Array.from({ length: 100 }, (_, i) => bytes.length - i)];
for (const place of cuts) {
  if (!read([bytes.slice(0, place), bytes.slice(place)])) return `cut at ${place}`;
}
if (!read([...bytes.slice(0, 300).map((byte) => [byte]), bytes.slice(300)])) return "bytes";
const head = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
for (const broken of [[...head, 255, 0, 0, 0], [...head, 0, 0, 0, 0, 1]]) {
  try {
    read([broken]);
    return "accepted";
  } catch {
    // refused
  }
}
return "as it should be";
"""
