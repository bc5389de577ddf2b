"""The page's view of a remote screen: size, scale, cursor; sessions without input; statistics."""

from __future__ import annotations

import pytest

from guacr.display import cursor
from tests.browser.visit import (
    CONNECTED,
    connected,
    handler_of,
    happened,
    pointer_is,
    sessions,
)
from tests.support.browser import Browser, Page, Window
from tests.support.site import Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BOX = (
    "(() => { const b = document.querySelector('#display > div').getBoundingClientRect();"
    " return [b.x, b.y, b.width, b.height].map(one => Math.round(one * 10) / 10).join() })()"
)
"""Where the remote screen is, in CSS pixels."""
PIXELATED = "document.querySelector('#display > div').classList.contains('pixelated')"


async def choose(page: Page, selector: str) -> None:
    """Change a setting of the panel."""
    await page.run(f"document.querySelector({selector!r}).click()")


async def shown(page: Page, *box: float) -> None:
    """Wait until the remote screen is at this place."""
    await page.until(f"{BOX} === '{','.join(f'{one:g}' for one in box)}'", f"the screen at {box}")


def sizes(site: Site) -> list[tuple[object, ...]]:
    return [event[1:] for event in handler_of(site).events if event[0] == "resize"]


async def test_a_screen_fits_the_window_or_keeps_its_size(browser: Browser, site: Site) -> None:
    page = await browser.page(Window(width=1000, height=600))
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-view")
    await page.click("#view-modes [value=fit]")
    await page.resize(Window(width=500, height=400))
    await shown(page, 0, 50, 500, 300)
    await page.resize(Window(width=2001, height=1300))
    await shown(page, 0, 49, 2001, 1200.6)
    assert not await page.run(PIXELATED)
    await page.resize(Window(width=2000, height=1300))
    await shown(page, 0, 50, 2000, 1200)
    assert await page.run(PIXELATED)
    await page.mouse("mouseMoved", 200, 1050)
    await happened(site, "mouse", 100, 500, 0)
    await page.click("#view-modes [value=actual]")
    await shown(page, 500, 350, 1000, 600)
    await page.resize(Window(width=500, height=400))
    await shown(page, 0, 0, 1000, 600)
    await page.run("document.querySelector('#display').scrollTo(120, 70)")
    await page.mouse("mouseMoved", 10, 300)
    await happened(site, "mouse", 130, 370, 0)
    assert sizes(site) == []
    (before,) = sessions(site)
    await page.call("Page.reload")
    await until(lambda: before not in sessions(site) and sessions(site), "another session")
    await page.until(CONNECTED, "the picture after the reload")
    assert sessions(site)[-1].context.size == (1000, 600)
    await choose(page, "#view-modes [value=follow]")
    await until(lambda: sessions(site)[-1].context.size == (500, 400), "the window's size")
    await shown(page, 0, 0, 500, 400)
    await page.close()


async def test_a_screen_with_several_pixels_for_each_css_pixel(
    browser: Browser, site: Site
) -> None:
    page = await browser.page(Window(width=640, height=400, scale=2.0))
    await connected(page, site)
    handler = handler_of(site)
    handler.session.display.set_cursor(cursor.POINTER)
    handler.session.changed()
    pointer = "getComputedStyle(document.querySelector('#display > div')).cursor"
    await page.until(f"/image-set.* 2dppx/.test({pointer})", "a sharp cursor")
    assert not await page.run(PIXELATED)
    await choose(page, "#view-pixels")
    await happened(site, "resize", 640, 400)
    await page.until(PIXELATED, "whole pixels")
    await shown(page, 0, 0, 640, 400)
    await page.mouse("mouseMoved", 100, 50)
    await happened(site, "mouse", 100, 50, 0)
    await choose(page, "#view-modes [value=actual]")
    await choose(page, "#view-pixels")
    await shown(page, 160, 100, 320, 200)
    assert sizes(site) == [(640, 400)]
    await page.close()


async def test_view_only_sends_no_input(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.key_event("keyDown", "a")
    await page.mouse("mouseMoved", 100, 200)
    await page.mouse("mousePressed", 100, 200)
    await happened(site, "mouse", 100, 200, 1)
    await choose(page, "#view-watches")
    await happened(site, "key", 0x61, False)
    handler = handler_of(site)
    await pointer_is(site, 100, 200, 0)
    handler.events.clear()
    await page.until_visible("#watching")
    await page.mouse("mouseMoved", 300, 300)
    await page.mouse("mousePressed", 300, 300)
    await page.mouse("mouseReleased", 300, 300)
    await page.type("b")
    await page.run("document.querySelector('#keys-functions button').click()")
    await choose(page, "#view-watches")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.type("c")
    await happened(site, "key", 0x63, False)
    assert handler.events == [("key", 0x63, True), ("key", 0x63, False)]


async def test_who_watches_sees_a_pointer_that_has_moved(
    browser: Browser, page: Page, site: Site
) -> None:
    await connected(page, site)
    await page.run("document.querySelector('#action-share').click()")
    link = await page.until("document.querySelector('#share-link').value", "the link")
    assert "joins=watch" in link
    viewer = await browser.page()
    await viewer.goto(link)
    await viewer.until(CONNECTED, "the first picture")
    pointers = "document.querySelectorAll('#display canvas').length - 1"
    assert await viewer.run(pointers) == 0
    handler_of(site).session.display.set_cursor(cursor.POINTER)
    await viewer.until("document.querySelector('#display > div').style.cursor", "the new shape")
    assert await viewer.run(pointers) == 0
    await page.run("document.querySelector('#share-dialog').close()")
    await page.mouse("mouseMoved", 100, 200)
    await viewer.until(f"{pointers} === 1", "the pointer")
    assert viewer.errors == []
    await viewer.close()


async def test_nothing_stays_pressed_when_the_window_loses_the_focus(
    page: Page, site: Site
) -> None:
    await connected(page, site)
    await page.key_event("keyDown", "a")
    await page.mouse("mouseMoved", 100, 200)
    await page.mouse("mousePressed", 100, 200)
    await happened(site, "mouse", 100, 200, 1)
    await page.run("dispatchEvent(new Event('blur'))")
    await pointer_is(site, 100, 200, 0)
    await happened(site, "key", 0x61, False)


async def test_a_drag_goes_on_beyond_the_edge_of_the_screen(browser: Browser, site: Site) -> None:
    page = await browser.page(Window(width=1000, height=600))
    await connected(page, site)
    await choose(page, "#view-modes [value=fit]")
    await page.resize(Window(width=1000, height=800))
    await shown(page, 0, 100, 1000, 600)
    await page.drag((300, 300), (400, 20))
    await happened(site, "mouse", 400, 0, 0)
    held = [event[1:3] for event in handler_of(site).events if event[0] == "mouse" and event[3]]
    assert held == [(300, 200), (325, 130), (350, 60), (375, 0), (400, 0)]
    await page.close()


async def test_the_handle_is_moved_from_what_it_covers(page: Page, site: Site) -> None:
    await connected(page, site)
    x, y = await page.place("#bar-toggle")
    await page.drag((x, y), (x, y + 200))
    assert abs((await page.place("#bar-toggle"))[1] - y - 200) <= 1
    assert await page.run("document.querySelector('#bar-items').hidden")
    await page.click("#bar-toggle")
    await page.until_visible("#bar-items")
    assert not [event for event in handler_of(site).events if event[0] == "mouse"]


async def test_the_speed_of_the_wheel(page: Page, site: Site) -> None:
    await connected(page, site)

    async def turn() -> None:
        place = {"x": 300, "y": 300, "deltaX": 0, "deltaY": 100}
        await page.call("Input.dispatchMouseEvent", type="mouseWheel", **place)

    def steps() -> int:
        events = handler_of(site).events
        return sum(event[0] == "mouse" and event[3] == 16 for event in events)

    await turn()
    await until(lambda: steps() == 1, "one step")
    await page.run(
        "(() => { const list = document.querySelector('#view-wheel'); list.value = '2';"
        " list.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )
    await turn()
    await until(lambda: steps() == 4, "three steps")


async def test_statistics(page: Page, site: Site) -> None:
    await connected(page, site)
    await choose(page, "#view-statistics")
    text = "document.querySelector('#statistics').textContent"
    await page.until(
        rf"/^\d+ frames\/s · \d+ ms · \d+ kbit\/s · 1280 × 800 at 100 % · WebSocket$/.test({text})",
        "them",
    )
    await choose(page, "#view-statistics")
    await page.until("document.querySelector('#statistics').hidden", "the end")
