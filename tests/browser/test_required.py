"""A remote host's questions, in the page's dialog."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.questions import DOTS
from tests.browser.visit import CONNECTED, NOTICE, sessions
from tests.support.browser import Page
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CARD = {
    "card": {
        "protocol": "testcard",
        "parameters": {"frame-rate": 2, "ask": "username, password, domain"},
    }
}


@pytest_asyncio.fixture(loop_scope="session")
async def card() -> AsyncIterator[Site]:
    async with running_site(connections=CARD) as running:
        yield running


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the notes that are written on the card."""
    told: list[str] = []
    monkeypatch.setattr(CardHandler, "_note", lambda self, text: told.append(text))
    return told


async def asked(page: Page, site: Site) -> None:
    await page.goto(f"{site.origin}/#connection=card")
    await page.until_visible("#required-username")


async def test_what_is_entered_arrives(page: Page, card: Site, notes: list[str]) -> None:
    await asked(page, card)
    await page.until("document.activeElement.id === 'required-username'", "the focus")
    labels = "[...document.querySelectorAll('#required-fields label')].map(one => one.textContent)"
    assert await page.run(labels) == ["User name", "Password", "Domain"]
    kinds = "[...document.querySelectorAll('#required-fields input')].map(i => [i.name, i.type])"
    assert await page.run(kinds) == [
        ["username", "text"],
        ["password", "password"],
        ["domain", "text"],
    ]
    await page.type("jo")
    await page.click("#required-password")
    await page.type("s3cret 1")
    await page.key("Enter")
    await page.until(CONNECTED, "the card")
    await until(lambda: len(notes) == 3, "the notes")
    assert notes == ["username: jo", f"password: {DOTS}", "domain: (empty)"]
    assert await page.run("document.querySelectorAll('#required-fields input').length") == 0
    assert page.errors == []


async def test_who_does_not_answer_is_not_connected(page: Page, card: Site) -> None:
    for leave in ("#required-dialog [data-close]", None):
        await asked(page, card)
        if leave:
            await page.click(leave)
        else:
            await page.key("Escape")
        await page.until_visible(NOTICE)
        assert "You did not enter what the remote host needs." in await page.text(NOTICE)
        await until(lambda: not sessions(card), "the end of the session")


async def test_when_the_time_is_over_the_dialog_goes(page: Page, card: Site) -> None:
    await asked(page, card)
    sessions(card)[0].close()
    await page.until_visible(NOTICE)
    assert not await page.run("document.querySelector('#required-dialog').open")
    await page.click("#notice-reconnect")
    await page.until_visible("#required-username")
