"""The clipboard, both ways, in Chromium."""

from __future__ import annotations

import pytest

from tests.browser.visit import connected, handler_of, happened, sessions
from tests.support.browser import CTRL, SHIFT, Page
from tests.support.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


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
