"""Shared by the tests of files in the page."""

from __future__ import annotations

import json

from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.tree import Tree
from tests.browser.visit import CONNECTED, NOTICE, sessions
from tests.support.browser import Page
from tests.support.site import Site
from tests.support.waiting import until

CARD = {"card": {"protocol": "testcard", "title": "Test card", "parameters": {"frame-rate": 2}}}
MEGABYTE = "new Uint8Array(1_000_000).fill(7)"
NAMES = "[...document.querySelectorAll('#files-rows .file-name > button')].map(e => e.innerText)"
"""The names in the folder that is shown."""


def store(site: Site) -> Tree:
    """The files in the memory of the only session's card, which are shown in the folder `files`."""
    (session,) = sessions(site)
    assert isinstance(session.handler, CardHandler)
    return session.handler._files._store


def stored(site: Site, path: str) -> bytes:
    """The content of one of them."""
    return bytes(store(site).file(path).data)


def store_names(site: Site, path: str = "/") -> list[str]:
    """The names in one of their folders."""
    return sorted(entry.name for entry in store(site).entries(path))


async def until_names(page: Page, *names: str) -> None:
    """Wait until the folder that is shown has these names, in this order."""
    await page.until(f"JSON.stringify({NAMES}) === {json.dumps(js(list(names)))}", f"{names}")


def js(value: object) -> str:
    """A value as JavaScript writes it in JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


async def folder(page: Page, site: Site, *names: str) -> None:
    """Open the files dialog, and folders one after the other."""
    await page.goto(f"{site.origin}/#connection=card")
    await page.until(CONNECTED, "the test card")
    await page.click("#bar-toggle")
    await page.click("#action-files")
    for name in names:
        await page.click(f'#files-rows [aria-label="Open {name}"]')
        await page.until(
            f"document.querySelector('#files-path [aria-current]').textContent === '{name}'", name
        )


def state(page: Page, name: str, text: str) -> str:
    """Return a script that checks whether the line of the transfer `name`, which has ended,
    contains `text`."""
    said = "line.dataset.done && " + " && ".join(
        f"line.innerText.includes({json.dumps(part)})" for part in (name, text)
    )
    return f"[...document.querySelectorAll('#transfers li')].some(line => {said})"


def choose(file: str) -> str:
    """Choose a file in the dialog, as a person does in the browser's own."""
    return (
        f"(() => {{ const t = new DataTransfer(); t.items.add({file});"
        " const input = document.querySelector('#files-chosen');"
        " input.files = t.files; input.dispatchEvent(new Event('change')) })()"
    )


def drop(file: str) -> str:
    """Drop a file on the screen."""
    return (
        f"(() => {{ const t = new DataTransfer(); t.items.add({file});"
        " for (const kind of ['dragover', 'drop']) document.querySelector('#screen').dispatchEvent("
        "new DragEvent(kind, { dataTransfer: t, bubbles: true, cancelable: true })) })()"
    )


async def lose(page: Page, site: Site) -> None:
    """End the connection, and open a new session."""
    (session,) = sessions(site)
    for user in session.users:
        user.link.transport.abort()
    await page.until_visible(NOTICE)
    await until(lambda: not sessions(site), "the end of the session")
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the new session")
    await page.click("#bar-toggle")
    await page.click("#action-files")
    await page.until(f"{NAMES}.length", "the folder, below which the transfers are")


async def resume(page: Page, name: str) -> None:
    """Resume a transfer; its button moves while the folder above it is loaded."""
    await page.run(f"document.querySelector('#transfers [aria-label=\"Resume {name}\"]').click()")
