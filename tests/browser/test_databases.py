"""Files to and from a database console in the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.test_files import drop
from tests.browser.visit import connected, see
from tests.support.browser import Page
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SHOP = {"protocol": "sqlite", "title": "A shop", "parameters": {"database": ":sample:"}}
SCRIPT = "new File(['select 40 + 2 as sum;\\nselect 6 * 8 as product;\\n'], 'script.sql')"


@pytest_asyncio.fixture(loop_scope="module")
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
    await until(lambda: (tmp_path / "two.csv").exists(), "the saved file")
    assert (tmp_path / "two.csv").read_bytes() == b"id,name\r\n1,Ada Lovelace\r\n2,Grace Hopper\r\n"
    assert page.errors == []


async def test_a_script_that_is_dropped_is_run(page: Page, site: Site) -> None:
    await console(page, site)
    await page.type("\\i\n")
    await see(site, "Send a script")
    await page.run(drop(SCRIPT))
    await see(site, "42")
    await see(site, "48")
    assert page.errors == []


async def test_a_file_that_nobody_waits_for_is_refused(page: Page, site: Site) -> None:
    await console(page, site)
    await page.run(drop(SCRIPT))
    await page.until(
        "document.querySelector('#toast').textContent ==="
        " 'script.sql: Type \\\\i and Enter first, then send the script.'",
        "the reason",
    )
