"""The page in Chromium, against a server in the same process: what a person does and sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from guacr.errors import UpstreamError
from guacr.session.session import Session
from tests.support.browser import CTRL, SHIFT, Browser, Page, Window, chromium
from tests.support.loopback import SketchHandler
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE = Window(width=390, height=844, scale=3.0, mobile=True)
TYPED_A = 0x61
CONNECTED = "document.querySelector('#session').dataset.state === 'connected'"
NOTICE = "#notice:not([hidden]):not(.waiting)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def site(browser: Browser) -> AsyncIterator[Site]:
    async with running_site() as running:
        await browser.allow_clipboard(running.origin)
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    opened = await browser.page()
    yield opened
    await opened.close()


def sessions(site: Site) -> list[Session]:
    return list(site.bench.registry.sessions.values())


def handler_of(site: Site) -> SketchHandler:
    (session,) = sessions(site)
    return cast(SketchHandler, session.handler)


async def connected(page: Page, site: Site, fragment: str = "connection=sketch") -> None:
    """Open a session and wait for its first picture."""
    await page.goto(f"{site.origin}/#{fragment}")
    await page.until(CONNECTED, "the first picture")
    await page.until("document.activeElement.id === 'sink'", "the focus")


async def happened(site: Site, *event: object) -> None:
    await until(lambda: event in handler_of(site).events, f"event {event}")


def keys_of(site: Site) -> list[tuple[object, ...]]:
    return [event[1:] for event in handler_of(site).events if event[0] == "key"]


async def test_one_click_from_the_list_to_a_session(page: Page, site: Site) -> None:
    await page.goto(site.origin)
    await page.until_visible(".card")
    assert await page.text(".card") == "A sketch\nsketch"
    await page.click(".card")
    await page.until(CONNECTED, "the first picture")
    assert await page.run("document.title") == "A sketch"
    assert sessions(site)[0].size == (1280, 800)
    assert page.errors == []


async def test_back_is_back_to_the_list(page: Page, site: Site) -> None:
    await page.goto(site.origin)
    await page.click(".card")
    await page.until(CONNECTED, "the first picture")
    await page.run("history.back()")
    await page.until_visible(".card")
    await until(lambda: not sessions(site), "the end of the session")
    assert await page.run("document.title") == "guacr"


async def test_keys_arrive(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.type("a")
    await page.key("Enter")
    await happened(site, "key", 0xFF0D, False)
    assert keys_of(site) == [
        (TYPED_A, True),
        (TYPED_A, False),
        (0xFF0D, True),
        (0xFF0D, False),
    ]


async def test_the_browser_keeps_no_key_for_itself(page: Page, site: Site) -> None:
    await connected(page, site)
    for key, keysym in (("Tab", 0xFF09), ("Escape", 0xFF1B), ("Backspace", 0xFF08)):
        await page.key(key)
        await happened(site, "key", keysym, False)
    await page.key("t", CTRL)
    await happened(site, "key", 0x74, True)
    assert await page.run("document.activeElement.id") == "sink"


async def test_text_of_an_input_method(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.call("Input.insertText", text="é語")
    await happened(site, "key", 0xE9, False)
    await happened(site, "key", 0x01000000 + ord("語"), False)
    assert await page.run("document.querySelector('#sink').value") == ""


async def test_keys_are_let_go_when_the_page_loses_the_focus(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.key_event("keyDown", "a")
    await happened(site, "key", TYPED_A, True)
    await page.run("document.querySelector('#sink').blur()")
    await happened(site, "key", TYPED_A, False)


async def test_the_pointer_arrives_where_it_is(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.mouse("mouseMoved", 100, 200)
    await page.mouse("mousePressed", 100, 200)
    await happened(site, "mouse", 100, 200, 1)
    await page.mouse("mouseReleased", 100, 200)
    await happened(site, "mouse", 100, 200, 0)


async def test_one_remote_pixel_for_each_pixel_of_the_device(browser: Browser, site: Site) -> None:
    page = await browser.page(Window(width=640, height=400, scale=2.0))
    await connected(page, site)
    (session,) = sessions(site)
    assert session.size == (1280, 800)
    assert session.owner_info.dpi == 192
    box = await page.run(
        "(() => { const b = document.querySelector('#display > div').getBoundingClientRect();"
        " return [b.width, b.height] })()"
    )
    assert box == [640, 400]
    await page.mouse("mouseMoved", 100, 50)
    await happened(site, "mouse", 200, 100, 0)
    await page.close()


async def test_the_remote_screen_follows_the_window(page: Page, site: Site) -> None:
    await connected(page, site)
    for width in (1000, 980, 960):
        await page.resize(Window(width=width, height=600))
    await happened(site, "resize", 960, 600)
    assert len([e for e in handler_of(site).events if e[0] == "resize"]) <= 2
    await page.until(
        "document.querySelector('#display > div').clientWidth === 960", "the new picture"
    )


async def test_the_tab_follows_the_sessions_name(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].set_name("vim notes.txt")
    await page.until("document.title === 'vim notes.txt'", "the title")


async def test_what_is_copied_on_the_remote_side_can_be_pasted_here(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].send_clipboard("text/plain", "héllo 😀".encode())
    await page.until("navigator.clipboard.readText().then(t => t === 'héllo 😀')", "the clipboard")


@pytest.mark.parametrize(
    ("modifiers", "key", "keysym", "command"),
    [
        (CTRL, "v", 0x76, "paste"),
        (CTRL | SHIFT, "V", 0x56, "pasteAndMatchStyle"),
        (SHIFT, "Insert", 0xFF63, "paste"),
    ],
)
async def test_pasting_sends_the_clipboard_before_the_keys(
    page: Page, site: Site, modifiers: int, key: str, keysym: int, command: str
) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('from here ü 😀')")
    await page.key(key, modifiers, (command,))
    await happened(site, "key", keysym, False)
    events = handler_of(site).events
    clipboard = ("clipboard", "text/plain", "from here ü 😀".encode())
    assert events.index(clipboard) < events.index(("key", keysym, True))


async def test_a_clipboard_that_changed_elsewhere_is_offered(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('copied elsewhere')")
    await page.run("dispatchEvent(new Event('focus'))")
    await happened(site, "clipboard", "text/plain", b"copied elsewhere")


async def test_the_clipboard_by_hand(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].send_clipboard("text/plain", b"from there")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.until("document.querySelector('#clipboard-text').value === 'from there'", "the text")
    await page.run("document.querySelector('#clipboard-text').value = 'by hand'")
    await page.click("#clipboard-send")
    await happened(site, "clipboard", "text/plain", b"by hand")
    await page.until("document.activeElement.id === 'sink'", "the focus")


async def test_typing_into_the_pages_own_fields_stays_there(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.until("document.activeElement.id === 'clipboard-text'", "the focus")
    await page.type("mine")
    await page.until("document.querySelector('#clipboard-text').value.endsWith('mine')", "the text")
    await page.key("Escape")
    await page.until("!document.querySelector('#clipboard-dialog').open", "the end of the dialog")
    assert keys_of(site) == []


async def test_the_controls_open_by_keys(page: Page, site: Site) -> None:
    await connected(page, site)
    held = 0
    for key, bit in (("Control", CTRL), ("Alt", 1), ("Shift", SHIFT)):
        held |= bit
        await page.key_event("keyDown", key, held)
    await page.until_visible("#bar-items")
    assert await page.run("document.activeElement.closest('#bar-items') !== null")
    await page.key("Escape")
    await page.until("document.querySelector('#bar-items').hidden", "the end of the controls")
    down = {keysym for keysym, pressed in keys_of(site) if pressed}
    up = {keysym for keysym, pressed in keys_of(site) if not pressed}
    assert down <= up


async def test_a_link_to_watch(browser: Browser, page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-share")
    link = await page.until("document.querySelector('#share-link').value", "the link")
    viewer = await browser.page(Window(width=640, height=300))
    await viewer.goto(link)
    await viewer.until(CONNECTED, "the viewer's picture")
    box = await viewer.run("document.querySelector('#display > div').getBoundingClientRect().width")
    assert box < 640  # the owner's picture is scaled down to fit
    (session,) = sessions(site)
    assert [user.rights.read_only for user in session.users.values()] == [False, True]
    await viewer.type("a")
    await viewer.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await viewer.resize(Window(width=500, height=300))
    await page.run("document.querySelector('#share-dialog').close()")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.type("b")
    await happened(site, "key", 0x62, False)
    assert keys_of(site) == [(0x62, True), (0x62, False)]
    await viewer.close()
    await page.until("/left this session/.test(document.body.innerText)", "who left")


async def test_a_link_with_full_rights(browser: Browser, page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-share")
    await page.click("#share-dialog [value=full]")
    link = await page.until("document.querySelector('#share-link').value", "the link")
    guest = await browser.page()
    await guest.goto(link)
    await guest.until("document.activeElement.id === 'sink'", "the guest's focus")
    await guest.type("a")
    await happened(site, "key", TYPED_A, False)
    await guest.close()


async def test_the_daemons_sentence_and_a_new_try(page: Page, site: Site) -> None:
    await connected(page, site)
    handler_of(site).fail(UpstreamError("the host's disk is full: delete something"))
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Connection broken off"
    assert await page.text("#notice-text") == "The host's disk is full: delete something."
    assert await page.run("document.activeElement.id") == "notice-reconnect"
    await page.key("Enter")
    await page.until(CONNECTED, "the new picture")
    await page.type("a")
    await happened(site, "key", TYPED_A, False)


async def test_a_session_that_ends_by_itself(page: Page, site: Site) -> None:
    await connected(page, site)
    handler_of(site).end.set_result(None)
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Session ended"
    await page.click("#notice-leave")
    await page.until_visible(".card")


async def test_a_server_that_vanishes(page: Page, site: Site) -> None:
    await connected(page, site)
    (session,) = sessions(site)
    for user in list(session.users.values()):
        user.transport.abort()
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Connection lost"
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the new picture")


async def test_a_network_that_stops(page: Page, site: Site) -> None:
    await connected(page, site)
    (session,) = sessions(site)
    for user in session.users.values():
        user.transport.pause_reading()
    await page.until("/slow or interrupted/.test(document.body.innerText)", "the warning")
    session.resume_input()
    await page.until("document.querySelector('#toast').hidden", "the end of the warning")


async def test_a_link_that_does_not_hold(page: Page, site: Site) -> None:
    await page.goto(f"{site.origin}/?token=a.b.c.d.e")
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Access denied"
    assert "not valid here" in await page.text("#notice-text")
    assert await page.run("location.search") == ""


async def test_a_phone_types_with_its_soft_keyboard(browser: Browser, site: Site) -> None:
    page = await browser.page(PHONE)
    await connected(page, site)
    assert sessions(site)[0].size == (1170, 2532)
    assert await page.run("document.querySelector('#sink').inputMode") == "none"
    await page.click("#bar-toggle")
    await page.click("#action-keyboard")
    await page.until_visible("#keys")
    assert await page.run("document.querySelector('#sink').inputMode") == "text"
    await page.click("#keys [data-keysym='65507']")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.call("Input.insertText", text="c")
    await happened(site, "key", 0xFFE3, False)
    assert keys_of(site) == [(0xFFE3, True), (0x63, True), (0x63, False), (0xFFE3, False)]
    await page.click("#keys [data-keysym='65307']")
    await happened(site, "key", 0xFF1B, False)
    await page.close()


async def test_a_finger_is_a_pointer(browser: Browser, site: Site) -> None:
    page = await browser.page(PHONE)
    await connected(page, site)
    await page.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": 90, "y": 60}])
    await page.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    await happened(site, "mouse", 270, 180, 1)
    await page.close()


async def test_a_form_for_another_host(page: Page) -> None:
    async with running_site(websocket={"allow_query_parameters": ["*"]}) as site:
        await page.goto(site.origin)
        await page.until_visible("#forms button")
        await page.run(
            "[...document.querySelectorAll('#forms button')]"
            ".find(b => b.textContent === 'sketch').click()"
        )
        await page.run("document.querySelector('#form details').open = true")
        await page.click("#form [name=hostname]")
        await page.type("host")
        await page.run("document.querySelector('#form [name=level]').value = '77'")
        await page.run("document.querySelector('#form').noValidate = true")
        await page.click("#form [type=submit]")
        await page.until_visible("#form-error")
        assert "Parameter level must be" in await page.text("#form-error")
        await page.run("document.querySelector('#form [name=level]').value = '5'")
        await page.click("#form [type=submit]")
        await page.until(CONNECTED, "the first picture")
        params = handler_of(site).params
        assert (params.hostname, params.level) == ("host", 5)  # type: ignore[attr-defined]
        assert await page.run("document.title") == "host"


async def test_what_is_missing_is_named(page: Page) -> None:
    async with running_site(connections={}) as site:
        await page.goto(site.origin)
        await page.until("/no connections yet/.test(document.body.innerText)", "the hint")
    async with running_site(websocket={"token_keys": ["k" * 32]}) as site:
        await page.goto(site.origin)
        await page.until("/link that holds a token/.test(document.body.innerText)", "the hint")


async def test_the_test_card(page: Page) -> None:
    connections = {"card": {"protocol": "testcard", "title": "Test card"}}
    async with running_site(connections=connections) as site:
        await page.goto(f"{site.origin}/#connection=card")
        await page.until(CONNECTED, "the test card")
        colours = (
            "(() => { const c = document.querySelector('#display canvas');"
            " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " const seen = new Set(); for (let i = 0; i < d.length; i += 40)"
            " seen.add(d[i] << 16 | d[i+1] << 8 | d[i+2]); return seen.size })()"
        )
        await page.until(f"{colours} > 100", "a colourful picture")
        await asyncio.sleep(0)
        assert page.errors == []
