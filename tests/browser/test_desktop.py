"""A real desktop in the page: sharp pictures, keys, clipboard, quality, a second person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from PIL import Image

from guacr.session.session import Session
from tests.browser.visit import CONNECTED, connected, sessions
from tests.handlers.vnc.test_clipboard import copy, pastes
from tests.support.browser import CTRL, Browser, Page, Window
from tests.support.guarding import owned
from tests.support.site import Site, running_site
from tests.support.waiting import until
from tests.support.xvnc import Desktop, xvnc

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZE = (640, 400)
INNER = (slice(12, 380), slice(12, 600))
"""Rows and columns of the desktop, without the pointer."""
TEXT = "for i in $(seq 20); do echo The quick brown fox $i; done; exec cat"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desktop() -> AsyncIterator[Desktop]:
    async with xvnc(size=SIZE) as running:
        running.run("xsetroot", "-solid", "#2e5c8a")
        running.start("xterm", "-geometry", "60x24+10+10", "-e", "sh", "-c", TEXT)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def desk(browser: Browser, desktop: Desktop) -> AsyncIterator[Site]:
    exact = desktop.parameters | {"force-lossless": "true"}
    connections = {
        "desk": {"protocol": "vnc", "parameters": desktop.parameters},
        "exact": {"protocol": "vnc", "parameters": exact},
        "watched": {
            "protocol": "vnc",
            "title": "Room 7",
            "parameters": desktop.parameters
            | {"read-only": "true", "disable-display-resize": "true"},
        },
    }
    async with running_site(connections=connections) as site:
        await browser.allow_clipboard(site.origin)
        yield site


async def test_a_screen_in_its_actual_size_is_exact(
    browser: Browser, desk: Site, desktop: Desktop
) -> None:
    page = await browser.page(Window(width=640, height=400))
    await connected(page, desk, "connection=exact")
    await page.run("document.querySelector('#view-modes [value=actual]').click()")
    await page.run("document.querySelector('#bar').hidden = true")
    await page.mouse("mouseMoved", 1, 1)  # Xvnc draws no pointer that the client knows
    for scale in (1.0, 1.25, 1.5, 2.0, 3.0):
        await page.resize(Window(width=701, height=471, scale=scale))
        async with asyncio.timeout(10):
            while not np.array_equal(await inner(page, scale), await expected(desktop)):
                pass
    await page.close()


async def expected(desktop: Desktop) -> NDArray[np.uint8]:
    """What the desktop shows now."""
    return (await asyncio.to_thread(desktop.picture))[INNER]


async def inner(page: Page, scale: float) -> NDArray[np.uint8]:
    """What the window shows of the desktop."""
    x, y = await page.run(
        "(() => { const b = document.querySelector('#display > div').getBoundingClientRect();"
        " return [b.x, b.y] })()"
    )
    left, top = round(x * scale), round(y * scale)
    picture = Image.open(BytesIO(await page.screenshot())).convert("RGB")
    return np.asarray(picture)[top:, left:][INNER]


async def test_the_clipboard_in_both_directions(
    page: Page, desk: Site, desktop: Desktop, tmp_path: Path
) -> None:
    await connected(page, desk, "connection=desk")
    await page.run("navigator.clipboard.writeText('from here: ä 語')")
    await page.key("v", CTRL, ("paste",))
    await pastes(desktop, "from here: ä 語")
    with owned():
        copy(desktop, tmp_path, "from there: ß")
    await page.until(
        "navigator.clipboard.readText().then(text => text === 'from there: ß')", "its text"
    )


async def test_the_quality_is_chosen_by_the_person(
    browser: Browser, page: Page, desk: Site
) -> None:
    def quality() -> str:
        session: Session = sessions(desk)[0]
        return session.handler.argv_values()["picture-quality"]

    await connected(page, desk, "connection=desk")
    await page.click("#bar-toggle")
    await page.click("#action-view")
    await page.until_visible("#view-quality")
    await page.run(
        "(() => { const list = document.querySelector('#view-quality'); list.value = 'lossless';"
        " list.dispatchEvent(new Event('change', {bubbles: true})) })()"
    )
    await until(lambda: quality() == "lossless", "the choice")
    await page.run("document.querySelector('#action-share').click()")
    link = await page.until("document.querySelector('#share-link').value", "the link")
    viewer = await browser.page()
    await viewer.goto(link)
    await viewer.until_visible("#watching")
    await viewer.until(CONNECTED, "the viewer's picture")
    assert await viewer.run("document.querySelector('#view-quality-row').hidden")
    await viewer.close()


async def test_what_a_user_may_not_do_is_not_offered(
    browser: Browser, page: Page, desk: Site
) -> None:
    size = "document.querySelector('#view-follow').textContent"
    await connected(page, desk, "connection=watched")
    await page.until_visible("#watching")
    assert await page.run("document.querySelector('#view-watches').disabled")
    assert await page.run("document.querySelector('#view-quality-row').hidden")
    assert await page.run(size) == "Shrink to the window"
    (session,) = sessions(desk)
    name = session.context.name
    assert name
    assert await page.run("document.title") == f"Room 7 – {name}"
    page = await browser.page()
    await connected(page, desk, "connection=desk")
    await page.until(f"{size} === 'Follow the window'", "the size")
    assert not await page.run("document.querySelector('#view-watches').disabled")
    assert await page.run("document.querySelector('#watching').hidden")
    await page.close()
