"""The page in Chromium: the list, the screen and its size, forms, the test card."""

from __future__ import annotations

import pytest

from tests.browser.visit import CONNECTED, connected, handler_of, happened, sessions
from tests.support.browser import Browser, Page, Window
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_one_click_from_the_list_to_a_session(page: Page, site: Site) -> None:
    await page.goto(site.origin)
    await page.until_visible(".card")
    assert await page.text(".card") == "A sketch\nsketch"
    await page.click(".card")
    await page.until(CONNECTED, "the first picture")
    assert await page.run("document.title") == "A sketch"
    assert sessions(site)[0].context.size == (1280, 800)
    assert page.errors == []


async def test_back_is_back_to_the_list(page: Page, site: Site) -> None:
    await page.goto(site.origin)
    await page.click(".card")
    await page.until(CONNECTED, "the first picture")
    await page.run("history.back()")
    await page.click("#leave-dialog [data-close]")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    assert await page.run("location.hash") == "#connection=sketch"
    await page.run("history.back()")
    await page.click("#leave-confirm")
    await page.until_visible(".card")
    assert await page.run("location.hash") == ""
    await until(lambda: not sessions(site), "the end of the session")
    assert await page.run("document.title") == "guacr"


async def test_one_remote_pixel_for_each_pixel_of_the_device(browser: Browser, site: Site) -> None:
    page = await browser.page(Window(width=640, height=400, scale=2.0))
    await connected(page, site)
    (session,) = sessions(site)
    assert session.context.size == (1280, 800)
    assert session.context.owner_info.dpi == 192
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
    sessions(site)[0].context.set_name("vim notes.txt")
    await page.until("document.title === 'A sketch – vim notes.txt'", "both titles")


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
        await page.run("document.querySelector('#form [name=password]').value = 'hunter2'")
        await page.run("document.querySelector('#form [name=level]').value = '77'")
        await page.run("document.querySelector('#form').noValidate = true")
        await page.click("#form [type=submit]")
        await page.until_visible("#form-error")
        assert "Parameter level must be" in await page.text("#form-error")
        await page.run("document.querySelector('#form [name=level]').value = '5'")
        await page.click("#form [type=submit]")
        await page.until(CONNECTED, "the first picture")
        params = handler_of(site).params
        assert (params.hostname, params.level) == ("host", 5)
        assert await page.run("document.title") == "host"
        address = await page.run("location.hash")
        assert address == "#protocol=sketch&hostname=host&level=5"
        await page.call("Page.reload")
        await page.until_visible("#form [name=hostname]")
        assert page.questions == ["beforeunload"]
        assert await page.run("document.querySelector('#form [name=level]').value") == "5"
        assert await page.run("document.querySelector('#form [name=password]').value") == ""
        await page.click("#form [type=submit]")
        await page.until(CONNECTED, "the picture after the reload")


async def test_what_is_missing_is_named(page: Page) -> None:
    async with running_site(connections={}) as site:
        await page.goto(site.origin)
        await page.until("/no connections yet/.test(document.body.innerText)", "the hint")
    async with running_site(websocket={"token_keys": ["k" * 32]}) as site:
        await page.goto(site.origin)
        await page.until("/link that contains a token/.test(document.body.innerText)", "the hint")


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
        assert page.errors == []
