"""One Chromium for all tests of a process, a server and a tab for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from tests.support.browser import Browser, Page, chromium
from tests.support.site import Site, running_site


@pytest.fixture(scope="session", autouse=True)
def handlers() -> None:
    """Import the handlers before the first request, as the daemon does."""
    Protocols().warm_up(Settings())


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def site(browser: Browser) -> AsyncIterator[Site]:
    async with running_site() as running:
        await browser.allow_clipboard(running.origin)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    opened = await browser.page()
    yield opened
    await opened.close()
