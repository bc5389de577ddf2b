"""The clipboard, both ways, in Chromium."""

from __future__ import annotations

import pytest

from tests.browser.visit import connected, handler_of, happened, screen, see, sessions
from tests.support.browser import CTRL, SHIFT, Browser, Page
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_what_is_copied_on_the_remote_side_can_be_pasted_here(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("text/plain", "héllo 😀".encode())
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


async def paste(page: Page, text: str) -> None:
    """Copy a text, then Ctrl+Shift+V with all its keys."""
    await page.run(f"navigator.clipboard.writeText({text!r})")
    await page.key_event("keyDown", "Control", CTRL)
    await page.key_event("keyDown", "Shift", CTRL | SHIFT)
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await page.key_event("keyUp", "Shift", CTRL)
    await page.key_event("keyUp", "Control")


async def test_a_paste_over_the_limit_does_not_paste_what_was_copied_before(
    page: Page, browser: Browser
) -> None:
    sample = {"protocol": "sqlite", "parameters": {"database": ":sample:"}}
    limits = {"max_clipboard": 262144}
    async with running_site(connections={"sample": sample}, session=limits) as site:
        await browser.allow_clipboard(site.origin)
        await connected(page, site, "connection=sample")
        await see(site, "for help")
        await paste(page, "drop table customers;")
        await see(site, "drop table customers;")
        for _ in "drop table customers;":
            await page.key("Backspace")
        await until(lambda: not any("drop" in row for row in screen(site)), "an empty line")
        await paste(page, "x" * 300_000)
        await page.until("/than the 262144 bytes/.test(document.body.innerText)", "the reason")
        await page.type("select 'after';\n")
        await see(site, "(1 row)")
        assert not any("drop" in row or "xxx" in row for row in screen(site))


async def test_a_long_text_and_none(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('x'.repeat(300000))")
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await happened(site, "clipboard", "text/plain", b"x" * 300_000)
    await page.run(
        "navigator.clipboard.write([new ClipboardItem({'text/html': new Blob(['<p></p>'],"
        " {type: 'text/html'})})])"
    )
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await happened(site, "clipboard", "text/plain", b"")


async def test_a_clipboard_that_changed_elsewhere_is_offered(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.run("navigator.clipboard.writeText('copied elsewhere')")
    await page.run("dispatchEvent(new Event('focus'))")
    await happened(site, "clipboard", "text/plain", b"copied elsewhere")


async def test_the_clipboard_by_hand(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("text/plain", b"from there")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.until("document.querySelector('#clipboard-text').value === 'from there'", "the text")
    await page.run("document.querySelector('#clipboard-text').value = 'by hand'")
    await page.click("#clipboard-send")
    await happened(site, "clipboard", "text/plain", b"by hand")
    await page.until("document.activeElement.id === 'sink'", "the focus")


async def test_a_clipboard_that_is_too_long_for_the_dialog(page: Page, site: Site) -> None:
    await connected(page, site)
    sessions(site)[0].context.send_clipboard("text/plain", b"x" * 1_000_001)
    await page.until("navigator.clipboard.readText().then(t => t.length === 1000001)", "the text")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    field = "document.querySelector('#clipboard-text')"
    assert await page.run(f"{field}.value") == ""
    assert (await page.run(f"{field}.placeholder")).startswith("1000001 characters")
    await page.click("#clipboard-send")
    await page.click("#bar-toggle")
    await page.click("#action-clipboard")
    await page.run(f"{field}.value = 'by hand'")
    await page.click("#clipboard-send")
    await happened(site, "clipboard", "text/plain", b"by hand")
    assert ("clipboard", "text/plain", b"") not in handler_of(site).events
