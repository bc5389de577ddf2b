"""The bar and its handle, the size of letters and the colours, in Chromium."""

from __future__ import annotations

import pytest

from tests.browser.visit import PHONE, connected, see, sessions
from tests.support.browser import Browser, Page, Window
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROW = 19
"""Pixels."""


def sample(**parameters: str) -> dict[str, object]:
    return {"sample": {"protocol": "sqlite", "parameters": {"database": ":sample:", **parameters}}}


def value(site: Site, name: str) -> str:
    return sessions(site)[0].handler.argv_values()[name]


@pytest.mark.parametrize("window", [Window(), PHONE])
async def test_the_handle_is_seen_and_covers_no_first_row(browser: Browser, window: Window) -> None:
    page = await browser.page(window)
    async with running_site(connections=sample()) as site:
        await connected(page, site, "connection=sample")
        await see(site, "for help")
        await page.until("document.querySelector('#view-sizes').hidden", "a terminal's panel")
        top, width, height, opacity = await page.run(
            "(() => { const e = document.querySelector('#bar-toggle');"
            " const b = e.getBoundingClientRect(); "
            " return [b.top, b.width, b.height, Number(getComputedStyle(e).opacity)] })()"
        )
        assert top > ROW * 2
        assert width * height > 500
        assert opacity > 0.5
        await page.click("#bar-toggle")
        await page.until_visible("#bar-items")
        for place in ("#action-clipboard", "#action-larger", "#action-leave"):
            x, y = await page.place(place)
            hit = f"document.elementFromPoint({x}, {y}).closest('button').id"
            assert await page.run(hit) == place[1:]
        right = "document.querySelector('#bar-items').getBoundingClientRect().right"
        assert await page.run(right) <= window.width
        await page.close()


async def test_the_size_of_letters_from_the_bar(page: Page) -> None:
    async with running_site(connections=sample()) as site:
        await connected(page, site, "connection=sample")
        before = int(value(site, "font-size"))
        await page.click("#bar-toggle")
        await page.click("#action-larger")
        await until(lambda: value(site, "font-size") == str(before + 1), "larger letters")
        shown = f"document.querySelector('#font-size').textContent === '{before + 1} pt'"
        await page.until(shown, "the size")
        await page.click("#action-smaller")
        await until(lambda: value(site, "font-size") == str(before), "smaller letters")


async def test_a_size_that_is_refused_says_why(browser: Browser, page: Page) -> None:
    toast = "document.querySelector('#toast').innerText"
    larger = "document.querySelector('#action-larger').click()"
    shown = "document.querySelector('#font-size').textContent === '144 pt'"
    async with running_site(connections=sample(**{"font-size": "144"})) as site:
        await connected(page, site, "connection=sample")
        await page.until(shown, "the size")
        for _ in range(20):  # more than there are indices to take turns with
            await page.run(larger)
        await page.until(f"/144/.test({toast})", "the reason")
        await page.run("document.querySelector('#action-share').click()")
        link = await page.until("document.querySelector('#share-link').value", "the link")
        viewer = await browser.page()
        await viewer.goto(link)
        await viewer.until(shown, "the size")
        await viewer.run(larger)
        await viewer.until(f"/read-only/.test({toast})", "the reason")
        await viewer.close()


async def test_colours_follow_light_and_dark(page: Page) -> None:
    async with running_site(connections=sample()) as site:
        await connected(page, site, "connection=sample")
        await until(lambda: value(site, "color-scheme") == "black-white", "light colours")
        await until(lambda: value(site, "minimum-contrast") == "4", "the raised contrast")
        await page.resize(Window(dark=True))
        await until(lambda: value(site, "color-scheme") == "", "dark colours")
        await until(lambda: value(site, "minimum-contrast") == "1", "the original contrast")
        await page.resize(Window())
        await until(lambda: value(site, "color-scheme") == "black-white", "light colours")


async def test_a_contrast_that_somebody_chose_stays(page: Page) -> None:
    async with running_site(connections=sample(**{"minimum-contrast": "7"})) as site:
        await connected(page, site, "connection=sample")
        await until(lambda: value(site, "color-scheme") == "black-white", "light colours")
        await page.click("#bar-toggle")
        await page.click("#action-larger")  # what comes later than the contrast would
        await until(lambda: value(site, "font-size") == "13", "larger letters")
        assert value(site, "minimum-contrast") == "7"


async def test_colours_that_somebody_chose_stay(page: Page) -> None:
    async with running_site(connections=sample(**{"color-scheme": "green-black"})) as site:
        await connected(page, site, "connection=sample")
        await page.click("#bar-toggle")
        await page.click("#action-larger")  # what comes later than the colours would
        await until(lambda: value(site, "font-size") == "13", "larger letters")
        assert value(site, "color-scheme") == "green-black"


async def test_a_guest_leaves_the_colours_alone(browser: Browser) -> None:
    owner, guest = await browser.page(Window(dark=True)), await browser.page()
    async with running_site(connections=sample()) as site:
        await connected(owner, site, "connection=sample")
        await owner.click("#bar-toggle")
        await owner.click("#action-share")
        await owner.click("#share-dialog [value=full]")
        link = await owner.until("document.querySelector('#share-link').value", "the link")
        await guest.goto(link)
        await guest.until("document.activeElement.id === 'sink'", "the guest's focus")
        await guest.click("#bar-toggle")
        await guest.click("#action-larger")
        await until(lambda: value(site, "font-size") == "13", "larger letters")
        assert value(site, "color-scheme") == ""
        await owner.close()
        await guest.close()
