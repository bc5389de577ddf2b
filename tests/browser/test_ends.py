"""Sharing, ends, errors and reconnecting, as a person sees them in Chromium."""

from __future__ import annotations

import pytest

from guacr.errors import (
    ForbiddenError,
    GuacrError,
    SessionClosedError,
    ShutdownError,
    UpstreamError,
)
from tests.browser.visit import (
    CONNECTED,
    NOTICE,
    TYPED_A,
    connected,
    handler_of,
    happened,
    keys_of,
    sessions,
)
from tests.support.browser import CTRL, SHIFT, Browser, Page, Window
from tests.support.scripted_host import saying, scripted_host
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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
    await viewer.until_visible("#watching")
    assert await viewer.run("document.querySelector('#view-watches').disabled")
    (session,) = sessions(site)
    assert [user.rights.read_only for user in session.users] == [False, True]
    await viewer.type("a")
    await viewer.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await viewer.resize(Window(width=500, height=300))
    await page.run("document.querySelector('#share-dialog').close()")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.type("b")
    await happened(site, "key", 0x62, False)
    assert keys_of(site) == [(0x62, True), (0x62, False)]
    await viewer.close()
    await page.until("/left this session/.test(document.body.innerText)", "the user who left")


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
    assert await page.text("#notice-title") == "Connection failed"
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
    for user in list(session.users):
        user.link.transport.abort()
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Connection lost"
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the new picture")


async def lose(site: Site) -> None:
    for session in sessions(site):
        for user in list(session.users):
            user.link.transport.abort()
    await until(lambda: not sessions(site), "the session's end")


async def test_a_loss_that_may_pass_is_tried_again_by_itself(page: Page, site: Site) -> None:
    await connected(page, site)
    await lose(site)
    await page.until(
        "/Reconnecting in/.test(document.body.innerText)", "the next attempt's countdown"
    )
    await page.until(CONNECTED, "the new picture")
    assert len(sessions(site)) == 1
    handler_of(site).fail(UpstreamError("the host is starting anew"))
    await page.until("/Reconnecting in 2/.test(document.body.innerText)", "a short pause again")
    tops = "[...document.querySelectorAll('#notice-actions button')].map(b => b.offsetTop)"
    assert len(set(await page.run(tops))) == 1, "the buttons are in one row"
    await page.click("#notice-stop")
    assert await page.run("document.querySelector('#notice-again').textContent") == ""
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the picture that was asked for")


async def test_pauses_grow_while_the_server_is_away(page: Page, site: Site) -> None:
    await connected(page, site)
    nowhere = "location.origin.replace('http', 'ws') + '/nowhere'"
    await page.run(
        f"WebSocket = class extends WebSocket {{ constructor() {{ super({nowhere}) }} }}"
    )
    await lose(site)
    for seconds in (2, 4):
        pause = f"/Reconnecting in {seconds} s/.test(document.body.innerText)"
        await page.until(pause, f"a pause of {seconds} s")


@pytest.mark.parametrize("error", [None, ForbiddenError("no"), SessionClosedError("closed")])
async def test_an_end_is_not_tried_again(page: Page, site: Site, error: GuacrError | None) -> None:
    await connected(page, site)
    if error is None:
        handler_of(site).end.set_result(None)
    else:
        handler_of(site).fail(error)
    await page.until_visible(NOTICE)
    assert await page.run("document.querySelector('#session').dataset.state") == "ended"
    assert not await page.run("document.querySelector('#notice-stop').offsetParent")


async def test_a_planned_stop_is_waited_for(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].close(ShutdownError())
    await page.until(
        "/Reconnecting in/.test(document.body.innerText)", "the next attempt's countdown"
    )
    assert "shutting down" in await page.text("#notice-text")


async def test_full_screen_takes_the_keys_of_the_browser(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.keyboard.lock = async () => { document.title = 'locked' }")
    await page.click("#bar-toggle")
    await page.click("#action-fullscreen")
    await page.until("document.title === 'locked'", "the keys")


async def test_a_network_that_stops(page: Page, site: Site) -> None:
    await connected(page, site)
    (session,) = sessions(site)
    for user in session.users:
        user.link.transport.pause_reading()
    await page.until("/slow or interrupted/.test(document.body.innerText)", "the warning")
    session.context.resume_input()
    await page.until("document.querySelector('#toast').hidden", "the end of the warning")


async def test_a_link_that_does_not_hold(page: Page, site: Site) -> None:
    await page.goto(f"{site.origin}/?token=a.b.c.d.e")
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Access denied"
    assert "token is invalid" in await page.text("#notice-text")
    assert await page.run("location.search") == ""


async def test_an_attempt_that_takes_long_can_be_cancelled(page: Page) -> None:
    async with scripted_host(saying(b"")) as silent:
        connections = {"silent": {"protocol": "vnc", "parameters": silent}}
        async with running_site(connections=connections) as site:
            await page.goto(f"{site.origin}/#connection=silent")
            await page.until_visible("#notice.waiting")
            assert await page.run("document.querySelector('#notice-cancel').hidden")
            await page.click("#notice-cancel")
            await page.until_visible("#catalog")
            await until(lambda: not sessions(site), "the end of the session")
