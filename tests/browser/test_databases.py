"""Files to and from a database console in the page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.files import drop
from tests.browser.visit import connected, see
from tests.support.browser import CTRL, SHIFT, Page
from tests.support.site import Site, running_site
from tests.support.waiting import until_saved

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = {"protocol": "sqlite", "title": "A shop", "parameters": {"database": ":sample:"}}
SCRIPT = "select 40 + 2 as sum;\nselect 6 * 8 as product;\n"
FILE = f"new File([{json.dumps(SCRIPT)}], 'script.sql')"
UPLOAD = "#action-upload"
HIDDEN = f"document.querySelector('{UPLOAD}').offsetParent === null"
ALT = 1
"""Bit of CDP's `modifiers`."""


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[Site]:
    async with running_site(connections={"shop": SHOP}) as running:
        yield running


async def console(page: Page, site: Site) -> None:
    """Open the console and wait for its prompt."""
    await connected(page, site, "connection=shop")
    await see(site, "sample>")


@pytest.mark.parametrize(
    "typed",
    [
        "\\export two.csv select id, name from customers where id < 3;\n",
        "\\o two.csv\nselect id, name from customers where id < 3;\n\\o\n",
    ],
)
async def test_results_are_downloaded(page: Page, site: Site, tmp_path: Path, typed: str) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await console(page, site)
    await page.type(typed)
    await see(site, "2 rows are in two.csv.")
    await until_saved(tmp_path / "two.csv", b"id,name\r\n1,Ada Lovelace\r\n2,Grace Hopper\r\n")
    assert page.errors == []


async def test_a_script_that_is_dropped_is_run(page: Page, site: Site) -> None:
    await console(page, site)
    await page.type("\\i\n")
    await see(site, "Send a script")
    await page.run(drop(FILE))
    await see(site, "42")
    await see(site, "48")
    assert page.errors == []


async def test_a_file_that_nobody_waits_for_is_refused(page: Page, site: Site) -> None:
    await console(page, site)
    await page.run(drop(FILE))
    await page.until(
        "document.querySelector('#toast').textContent ==="
        " 'script.sql: Type \\\\i and Enter first, then send the script.'",
        "the reason",
    )


async def choose(page: Page, file: Path) -> None:
    """Choose a file as a person does in the browser's own dialog."""
    script = "document.querySelector('#upload-chosen')"
    found = (await page.call("Runtime.evaluate", expression=script))["result"]["objectId"]
    await page.call("DOM.setFileInputFiles", files=[str(file)], objectId=found)


async def note_choosing(page: Page) -> None:
    """Keep the browser's own dialog away, and note when it would have opened."""
    await page.call("Page.setInterceptFileChooserDialog", enabled=True)
    chosen = "document.querySelector('#upload-chosen')"
    await page.run(f"{chosen}.addEventListener('click', () => (window.asked = true))")


async def test_a_script_is_chosen_with_a_button(page: Page, site: Site, tmp_path: Path) -> None:
    await console(page, site)
    assert await page.run(HIDDEN)
    await note_choosing(page)
    await page.type("\\i\n")
    await page.click(UPLOAD)
    assert await page.run("window.asked")
    script = tmp_path / "script.sql"
    script.write_text(SCRIPT)
    await choose(page, script)
    await see(site, "48")
    await page.until(HIDDEN, "a hidden button")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    assert page.errors == []


async def test_the_button_is_reached_by_keys(page: Page, site: Site) -> None:
    await console(page, site)
    await note_choosing(page)
    await page.type("\\i\n")
    await page.until_visible(UPLOAD)
    await page.key_event("keyDown", "Control", CTRL)
    await page.key_event("keyDown", "Alt", CTRL | ALT)
    await page.key_event("keyDown", "Shift", CTRL | ALT | SHIFT)
    await page.until("document.activeElement.id === 'action-view'", "the controls")
    for key in ("Shift", "Alt", "Control"):
        await page.key_event("keyUp", key)
    for _ in range(3):  # past View, Keys and Clipboard
        await page.key("ArrowRight")
    await page.until("document.activeElement.id === 'action-upload'", "the button")
    await page.key("Enter")
    await page.until("window.asked", "the browser's dialog")


async def test_who_gives_up_needs_no_button(page: Page, site: Site) -> None:
    await console(page, site)
    await page.type("\\i\n")
    await page.until_visible(UPLOAD)
    await page.key("c", CTRL)
    await page.until(HIDDEN, "a hidden button")
    await page.type("select 40 + 2;\n")
    await see(site, "42")
