"""Gestures of fingers on the remote screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from tests.browser.visit import PHONE, connected, handler_of, happened
from tests.support.browser import Browser, Page, Window
from tests.support.loopback import SketchHandler
from tests.support.site import Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WIDTH = "document.querySelector('#display > div').getBoundingClientRect().width"
Place = tuple[int, int]


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, site: Site) -> AsyncIterator[Page]:
    opened = await browser.page(PHONE)
    await connected(opened, site)
    yield opened
    await opened.close()


async def touch(page: Page, kind: str, *places: Place) -> None:
    points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
    await page.call("Input.dispatchTouchEvent", type=f"touch{kind}", touchPoints=points)


async def swipe(page: Page, *steps: tuple[Place, ...]) -> None:
    """Put fingers down at the first places, move them, and lift them."""
    for kind, places in zip(["Start", *["Move"] * (len(steps) - 1)], steps, strict=True):
        await touch(page, kind, *places)
    await touch(page, "End")


def buttons(site: Site) -> list[object]:
    """The buttons of the pointer's events that have any."""
    return [event[3] for event in handler_of(site).events if event[0] == "mouse" and event[3]]


def held(site: Site) -> object:
    """The buttons that are held now."""
    return [event[3] for event in handler_of(site).events if event[0] == "mouse"][-1]


def pointer(site: Site) -> tuple[int, int]:
    """The last place of the pointer."""
    moves = [event for event in handler_of(site).events if event[0] == "mouse"]
    return cast(tuple[int, int], moves[-1][1:3] if moves else (0, 0))


async def test_one_finger_scrolls(phone: Page, site: Site) -> None:
    await swipe(phone, ((90, 300),), ((90, 330),), ((90, 390),), ((90, 410),))
    await until(lambda: buttons(site) == [8, 8], "the wheel upwards")
    await swipe(phone, ((90, 300),), ((90, 240),))
    await until(lambda: buttons(site) == [8, 8, 16], "the wheel downwards")
    await phone.run("document.querySelector('#action-touch').click()")
    await swipe(phone, ((90, 300),), ((90, 400),))
    await phone.run("document.querySelector('#action-touch').click()")
    await swipe(phone, ((90, 300),), ((90, 240),))
    await until(lambda: buttons(site) == [8, 8, 16, 16], "the wheel downwards again")


async def test_two_fingers_scroll_or_enlarge(phone: Page, site: Site) -> None:
    await swipe(phone, ((90, 300), (200, 300)), ((90, 350), (200, 350)))
    await until(lambda: buttons(site) == [8], "the wheel upwards")
    await swipe(phone, ((145, 400), (245, 400)), ((95, 400), (295, 400)))
    assert await phone.run(WIDTH) == 780
    await swipe(phone, ((195, 400),), ((195, 420),), ((175, 410),))
    await touch(phone, "Start", (0, 0))
    await touch(phone, "End")
    await until(lambda: buttons(site) == [8, 1], "the tap")
    # 195 and 400 have stayed where they were while the picture became twice as large, and have then
    # been moved by (-20, 10)
    await happened(site, "mouse", int((97.5 + 10) * 3), (200 - 5) * 3, 1)
    await swipe(phone, ((95, 400), (295, 400)), ((145, 400), (245, 400)), ((175, 400), (215, 400)))
    assert await phone.run(WIDTH) == 390
    await swipe(phone, ((90, 300),), ((90, 360),))
    await until(lambda: buttons(site) == [8, 1, 8], "the wheel, since nothing is left to move")


async def test_two_fingers_scroll_to_the_sides(
    phone: Page, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SketchHandler, "pointer_buttons", 0x1FF)
    await swipe(phone, ((90, 300), (200, 300)), ((150, 300), (260, 300)))
    await until(lambda: buttons(site) == [32], "the wheel to the left")
    await swipe(phone, ((150, 300), (250, 300)), ((40, 300), (140, 300)))
    await until(lambda: buttons(site) == [32, 64, 64], "the wheel to the right")
    await swipe(phone, ((90, 300),), ((200, 300),), ((200, 240),))
    await until(lambda: buttons(site) == [32, 64, 64, 16], "the wheel downwards")


async def test_a_touchpads_pointer_stays_in_the_window(phone: Page, site: Site) -> None:
    await phone.run("document.querySelector('#action-touch').click()")
    await swipe(phone, ((100, 100),), ((120, 140),), ((130, 150),))
    await until(lambda: pointer(site) != (0, 0), "the pointer")
    before = pointer(site)
    await swipe(phone, ((145, 400), (245, 400)), ((120, 400), (270, 400)), ((95, 400), (295, 400)))
    assert await phone.run(WIDTH) == 780
    await swipe(phone, ((100, 100),))
    await until(lambda: buttons(site) == [1] and not held(site), "a tap, and nothing before it")
    assert pointer(site) == pytest.approx(before, abs=1)
    left = "document.querySelector('#display').scrollLeft"
    await swipe(phone, ((50, 300),), ((200, 300),), ((380, 300),))
    assert await phone.run(left) > 0
    assert pointer(site)[0] < (await phone.run(left) + 390) * 3 / 2
    await phone.run("document.querySelector('#action-touch').click()")


async def test_a_second_finger_or_a_call_ends_dragging(phone: Page, site: Site) -> None:
    for end in ("Start", "Cancel"):
        await swipe(phone, ((90, 300),))  # a tap, and then
        await touch(phone, "Start", (90, 300))
        await touch(phone, "Move", (120, 330))
        await happened(site, "mouse", 360, 990, 1)
        assert held(site)
        await touch(phone, end, *([(120, 330), (200, 330)] if end == "Start" else []))
        await until(lambda: not held(site), "no button")
        if end == "Start":
            await touch(phone, "End")
        handler_of(site).events.clear()


async def test_a_soft_keyboard_covers_a_desktop(phone: Page, site: Site) -> None:
    await swipe(phone, ((90, 700),))
    await happened(site, "mouse", 270, 2100, 1)
    await until(lambda: not held(site), "the end of the tap")
    await phone.run("document.querySelector('#action-keyboard').click()")
    await phone.resize(Window(width=390, height=400, scale=3.0, mobile=True))
    top = "document.querySelector('#display').scrollTop"
    await phone.until(f"{top} > 444", "the place of the last tap")
    assert await phone.run(WIDTH) == 390
    await swipe(phone, ((90, 100),), ((90, 120),), ((90, 180),))
    assert await phone.run(f"{top} < 444")
    await asyncio.gather(  # no pause between the two, in which the page would report a size
        phone.run("document.querySelector('#action-keyboard').click()"), phone.resize(PHONE)
    )
    await phone.until(f"{top} === 0", "the whole picture")
    await phone.type("a")
    await happened(site, "key", 0x61, False)
    assert not [event for event in handler_of(site).events if event[0] == "resize"]
