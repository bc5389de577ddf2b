"""The form for another host: titles, what is required, lists that allow other values."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from guacr.daemon import Daemon
from guacr.settings.models import WebSocketSettings
from guacr.testing.daemon import LOCAL, local_settings
from tests.support.browser import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SCHEME = "#form-color-scheme"


@pytest_asyncio.fixture(loop_scope="session")
async def form(browser: Browser) -> AsyncIterator[Page]:
    """The form of SSH."""
    settings = local_settings(
        websocket=WebSocketSettings(hosts=LOCAL, port=0, allow_query_parameters=("*",))
    )
    daemon = Daemon(settings)
    await daemon.start()
    page = await browser.page()
    await page.goto(f"http://127.0.0.1:{daemon.web_port}/")
    await page.until_visible("#forms button")
    await page.run(
        "[...document.querySelectorAll('#forms button')].find(b => b.textContent === 'SSH').click()"
    )
    await page.until_visible("#form-hostname")
    yield page
    await page.close()
    await daemon.close()


async def test_each_protocol_is_there_once_and_has_a_name(form: Page) -> None:
    names = await form.run(
        "[...document.querySelectorAll('#forms button')].map(b => b.textContent)"
    )
    assert len(names) == len(set(names))
    assert {"SSH", "PostgreSQL", "SQL Server", "Redis", "Test card"} <= set(names)


async def test_fields_have_titles_and_required_ones_are_marked(form: Page) -> None:
    assert await form.text("label[for=form-hostname]") == "Host name (required)"
    assert await form.text("label[for=form-private-key]") == "Private key"
    await form.click("#form .primary")
    assert await form.run("document.querySelector('#form-hostname').validity.valueMissing")
    assert await form.run("document.activeElement.id") == "form-hostname"
    assert await form.run("document.querySelector('#session').hidden")


async def test_the_colour_scheme_is_a_list_with_room_for_others(form: Page) -> None:
    choices = await form.run(
        f"[...document.querySelector('{SCHEME}-list').options].map(o => o.text)"
    )
    assert choices == [
        "(default)",
        "gray-black",
        "black-white",
        "green-black",
        "white-black",
        "other…",
    ]
    choose = (
        "(list => {{ list.selectedIndex = {}; list.dispatchEvent(new Event('change')); }})"
        f"(document.querySelector('{SCHEME}-list'))"
    )
    await form.run(choose.format(2))
    assert await form.run(f"document.querySelector('{SCHEME}').value") == "black-white"
    assert await form.run(f"document.querySelector('{SCHEME}').hidden")
    await form.run(choose.format(5))
    assert not await form.run(f"document.querySelector('{SCHEME}').hidden")
    assert await form.run(f"document.querySelector('{SCHEME}').value") == ""


async def test_an_address_fills_the_form_in_and_hides_nothing_of_it(form: Page) -> None:
    await form.run("document.querySelector('#form-more').open = false")
    words = "protocol=ssh&hostname=h&color-scheme=green-black&ssh-jump-user name=x&title=y"
    await form.run(f"location.hash = '{words}'")
    await form.until("document.querySelector('#form-hostname').value === 'h'", "the address")
    assert await form.run(f"document.querySelector('{SCHEME}-list').value") == "green-black"
    assert await form.run(f"document.querySelector('{SCHEME}').hidden")
    assert not await form.run("document.querySelector('#form-more').open")
    await form.run(f"location.hash = '{words}&ssh-jump-port=2022&color-scheme=color1: red'")
    filled = "document.querySelector('#form-ssh-jump-port').value === '2022'"
    await form.until(filled, "the rest")
    assert await form.run("document.querySelector('#form-more').open")
    assert await form.run(f"document.querySelector('{SCHEME}').value") == "color1: red"
    assert not await form.run(f"document.querySelector('{SCHEME}').hidden")
