"""Chords and keys from the page's bar."""

from __future__ import annotations

import pytest

from tests.browser.visit import connected, happened, keys_of
from tests.support.browser import Page
from tests.support.site import Site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CONTROL, ALT, DELETE, SUPER, F4 = 0xFFE3, 0xFFE9, 0xFFFF, 0xFFEB, 0xFFC1


async def test_chords_and_held_keys(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-keypad")
    await page.click(f"#keys-chords [data-keysym='{CONTROL}+{ALT}+{DELETE}']")
    await happened(site, "key", CONTROL, False)
    chord = [(CONTROL, True), (ALT, True), (DELETE, True)]
    assert keys_of(site) == chord + [(keysym, False) for keysym, _ in reversed(chord)]
    await page.click(f"#keys-held [data-keysym='{SUPER}']")
    await happened(site, "key", SUPER, True)
    await page.type("l")
    await happened(site, "key", SUPER, False)
    assert keys_of(site)[6:] == [(SUPER, True), (0x6C, True), (0x6C, False), (SUPER, False)]
    await page.click(f"#keys-held [data-keysym='{ALT}']")
    await page.click(f"#keys-functions [data-keysym='{F4}']")
    await until(lambda: keys_of(site)[-1] == (ALT, False), "the end of Alt")
    assert keys_of(site)[10:] == [(ALT, True), (F4, True), (F4, False), (ALT, False)]


async def test_panels_by_keys(page: Page, site: Site) -> None:
    await connected(page, site)
    await page.click("#bar-toggle")
    await page.run("document.querySelector('#action-view').click()")
    await page.until_visible("#view-panel")
    await page.run("document.querySelector('#action-keypad').click()")
    await page.until_visible("#keypad-panel")
    assert await page.run("document.querySelector('#view-panel').hidden")
    await page.run("document.querySelector('#keys-functions button').focus()")
    await page.key("Enter")
    await happened(site, "key", 0xFFBE, False)
    await page.key("Escape")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    assert await page.run("document.querySelector('#keypad-panel').hidden")
    assert keys_of(site) == [(0xFFBE, True), (0xFFBE, False)]
