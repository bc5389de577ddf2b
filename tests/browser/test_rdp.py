"""A desktop of xrdp in the page: exact pictures, keys, clipboard, and the size of the window."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from PIL import Image

from handlers.rdp.launcher import launcher
from tests.browser.files import drop, until_names
from tests.browser.visit import connected
from tests.handlers.rdp.clipboard.test_clipboard import copy, pastes
from tests.support.browser import CTRL, Browser, Page, Window
from tests.support.certificates import Authority
from tests.support.guarding import owned
from tests.support.site import Site, running_site
from tests.support.waiting import until, until_saved
from tests.support.x_display import XDisplay
from tests.support.xrdp import Xrdp, xrdp_server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

EDGE = 24
"""Pixels at the top left, where the pointer is."""
TEXT = "Grün: é ê {[]}"


@pytest.fixture(scope="module")
def running() -> Iterator[Xrdp]:
    with xrdp_server(Authority().issue("server", rsa_key=True)) as server:
        yield server


@pytest.fixture(scope="module")
def zygote() -> Iterator[None]:
    launcher.start()
    yield
    launcher.close()


@pytest_asyncio.fixture(loop_scope="session")
async def xrdp(running: Xrdp) -> AsyncIterator[Xrdp]:
    yield running
    await running.end_sessions()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(browser: Browser, zygote: None, xrdp: Xrdp) -> AsyncIterator[Site]:
    parameters = xrdp.parameters() | {
        "ignore-cert": "true",
        "resize-method": "display-update",
        "server-layout": "de-de-qwertz",
    }
    connections = {"desk": {"protocol": "rdp", "parameters": parameters}}
    async with running_site(connections=connections) as site:
        await browser.allow_clipboard(site.origin)
        yield site


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """The directory of a drive."""
    path = tmp_path / "drive"
    (path / "folder").mkdir(parents=True)
    return path


@pytest_asyncio.fixture(loop_scope="session")
async def desk_with_drive(zygote: None, xrdp: Xrdp, drive: Path) -> AsyncIterator[Site]:
    parameters = xrdp.parameters() | {
        "ignore-cert": "true",
        "enable-drive": "true",
        "drive-path": str(drive),
    }
    connections = {"desk": {"protocol": "rdp", "parameters": parameters}}
    async with running_site(connections=connections) as site:
        yield site


async def seen(page: Page) -> NDArray[np.uint8]:
    """What the page shows of the desktop, in its actual size."""
    x, y, width, height = await page.run(
        "(() => { const b = document.querySelector('#display > div').getBoundingClientRect();"
        " return [b.x, b.y, b.width, b.height] })()"
    )
    picture = np.asarray(Image.open(BytesIO(await page.screenshot())).convert("RGB"))
    left, top = round(x), round(y)
    return picture[top : top + round(height), left : left + round(width)]


async def shows(page: Page, display: XDisplay) -> None:
    """Until the page shows exactly what the display does."""
    async with asyncio.timeout(30):
        while True:
            shown, there = await seen(page), await asyncio.to_thread(display.picture)
            if shown.shape == there.shape and np.array_equal(shown[EDGE:], there[EDGE:]):
                return


async def test_a_desktop(browser: Browser, desk: Site, xrdp: Xrdp, tmp_path: Path) -> None:
    page = await browser.page(Window(width=800, height=600))
    await connected(page, desk, "connection=desk")
    display = await xrdp.display()
    await page.run("document.querySelector('#bar').hidden = true")
    await until(lambda: display.picture().shape == (600, 800, 3), "the size of the window")
    typed = tmp_path / "typed"
    command = f"stty -icanon -echo; touch {typed}; exec tee {typed}"
    display.start("xterm", "-u8", "-geometry", "80x24+20+40", "-e", "sh", "-c", command)
    await until(typed.exists, "the terminal")
    await until(lambda: bool((display.picture()[150, 200] == 255).all()), "its window")
    await page.mouse("mouseMoved", 100, 100)  # keys go to the window below
    await shows(page, display)
    await page.type(TEXT)
    await until(lambda: typed.read_text() == TEXT, "the text")
    await page.mouse("mouseMoved", 1, 1)
    await shows(page, display)
    await page.resize(Window(width=1000, height=700))
    await until(lambda: display.picture().shape == (700, 1000, 3), "another size", timeout=20)
    await shows(page, display)
    with owned():
        copy(display, tmp_path, "from there: ß")
    await page.until(
        "navigator.clipboard.readText().then(text => text === 'from there: ß')", "its text"
    )
    await page.run("navigator.clipboard.writeText('from here: ä 語')")
    await page.key("v", CTRL, ("paste",))
    await pastes(display, "from here: ä 語")
    await page.close()


async def test_a_drive(page: Page, desk_with_drive: Site, xrdp: Xrdp, drive: Path) -> None:
    await connected(page, desk_with_drive, "connection=desk")
    await xrdp.display()
    await page.until("!document.querySelector('#action-files').hidden", "the drive")
    await page.run(drop("new File(['content'], 'dropped ü')"))
    await until_saved(drive / "dropped ü", b"content")
    await page.click("#bar-toggle")
    await page.click("#action-files")
    await until_names(page, "folder", "dropped ü")
    assert page.errors == []
