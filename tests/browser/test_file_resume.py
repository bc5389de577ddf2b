"""Transfers of the page that are cancelled, fail late, or are resumed after a loss."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from guacr.api import ForbiddenError
from handlers.testcard.files import CardFiles
from handlers.testcard.tree import File, Tree
from tests.browser.files import (
    CARD,
    choose,
    folder,
    lose,
    resume,
    state,
    store,
    store_names,
    stored,
)
from tests.browser.visit import CONNECTED, sessions
from tests.support.browser import Page
from tests.support.site import Site, running_site
from tests.support.waiting import until, until_saved

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZE = 12_000_000
NUMBERS = (
    f"(() => {{ const a = new Uint32Array({SIZE // 4});"
    " for (let i = 0; i < a.length; i++) a[i] = i; return a })()"
)
"""Content of which no part is like another one."""
CONTENT = np.arange(SIZE // 4, dtype="<u4").tobytes()


@pytest_asyncio.fixture(loop_scope="session")
async def card() -> AsyncIterator[Site]:
    async with running_site(connections=CARD) as running:
        yield running


@pytest.fixture
def offsets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have all sessions share the files in memory; collect the offsets of transfers."""
    shared: list[Tree] = []
    found: list[int] = []
    start: Callable[..., None] = CardFiles.__init__
    read, write = CardFiles.read, CardFiles.write

    def begin(self: CardFiles, note: Callable[[str], None]) -> None:
        start(self, note)
        shared.append(self._store)
        self._store = shared[0]

    def noted_read(self: CardFiles, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        found.append(offset)
        return read(self, path, offset)

    async def noted_write(
        self: CardFiles, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        found.append(offset)
        await write(self, path, mimetype, data, offset)

    monkeypatch.setattr(CardFiles, "__init__", begin)
    monkeypatch.setattr(CardFiles, "read", noted_read)
    monkeypatch.setattr(CardFiles, "write", noted_write)
    return found


async def test_an_upload_is_resumed(page: Page, card: Site, offsets: list[int]) -> None:
    await folder(page, card, "files")
    await page.run(choose(f"new File([{NUMBERS}], 'a.bin')"))

    def has_begun() -> bool:
        return "a.bin" in store_names(card) and len(store(card).file("/a.bin").data) > 8_000_000

    await until(has_begun, "most of the file")
    await lose(page, card)
    await page.until(state(page, "a.bin", "The session has ended."), "the end")
    arrived = len(stored(card, "/a.bin"))
    await resume(page, "a.bin")
    await page.until(state(page, "a.bin", "12.0 MB, "), "the end of the upload")
    assert stored(card, "/a.bin") == CONTENT
    assert offsets[0] == 0
    assert offsets[1] > 3_000_000, "the beginning was not sent again"
    assert offsets[1] < arrived - 3_000_000, "what may have been stored out of order is"
    assert page.errors == []


async def test_an_upload_of_which_nothing_is_left_starts_over(
    page: Page, card: Site, offsets: list[int]
) -> None:
    await folder(page, card, "files")
    await page.run(choose(f"new File([{NUMBERS}], 'a.bin')"))
    await until(lambda: "a.bin" in store_names(card), "the file")
    await lose(page, card)
    if "a.bin" in store_names(card):
        store(card).delete("/a.bin")
    await resume(page, "a.bin")
    await page.until(state(page, "a.bin", "12.0 MB, "), "the end of the upload")
    assert stored(card, "/a.bin") == CONTENT
    assert offsets == [0, 0]


@pytest.mark.parametrize("changes", [False, True])
async def test_a_download_is_resumed(
    page: Page, card: Site, offsets: list[int], tmp_path: Path, changes: bool
) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await page.goto(f"{card.origin}/#connection=card")
    await page.until(CONNECTED, "the test card")
    file: File = store(card).open("/a.bin", 0)
    store(card).append("/a.bin", file, CONTENT)
    await folder(page, card, "files")
    (session,) = sessions(card)
    (user,) = session.users
    await page.click('#files-rows [aria-label="Download a.bin"]')
    await until(lambda: any(s.size > 5_000_000 for s in user.outputs._open.values()), "a part")
    await lose(page, card)
    expected = CONTENT
    if changes:
        store(card).append("/a.bin", file, b"more")
        expected += b"more"
    await resume(page, "a.bin")
    await page.until(state(page, "a.bin", "12.0 MB, "), "the end of the download")
    await until_saved(tmp_path / "a.bin", expected)
    assert offsets[-1] == 0 if changes else 1_000_000 < offsets[-1] < SIZE


async def test_a_cancelled_upload_is_removed(page: Page, card: Site) -> None:
    await folder(page, card, "files")
    await page.run(choose(f"new File([{NUMBERS}], 'a.bin')"))
    await until(lambda: "a.bin" in store_names(card), "the file")
    await page.click('#transfers [aria-label="Cancel a.bin"]')
    await page.until(state(page, "a.bin", "Cancelled."), "the end")
    await until(lambda: "a.bin" not in store_names(card), "its removal")
    # its stream is used again, without answers to the old one
    for number in range(8):
        await page.run(choose(f"new File([{NUMBERS}.slice(0, 50_000)], 'b{number}')"))
    for number in range(8):
        await page.until(state(page, f"b{number}", "200.0 kB, "), "the end of the next")
        assert stored(card, f"/b{number}") == CONTENT[:200_000]


async def test_an_upload_that_fails_at_its_end_says_why(
    page: Page, card: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(
        self: CardFiles, path: str, mimetype: str, data: AsyncIterator[bytes], offset: int = 0
    ) -> None:
        async for _ in data:
            pass
        raise ForbiddenError("the disk is full")

    await folder(page, card, "files")
    monkeypatch.setattr(CardFiles, "write", fail)
    await page.run(choose("new File(['text'], 'a.txt')"))
    await page.until(state(page, "a.txt", "The disk is full."), "the reason")
    monkeypatch.undo()
    await resume(page, "a.txt")
    await page.until(state(page, "a.txt", "4 bytes, "), "the end of the second attempt")
    assert stored(card, "/a.txt") == b"text"


async def test_a_file_of_the_person_that_changes_is_not_sent(
    page: Page, card: Site, tmp_path: Path
) -> None:
    await folder(page, card, "files")
    file = tmp_path / "a.bin"
    content = random.Random(1).randbytes(3_000_000)
    await asyncio.to_thread(file.write_bytes, content)
    await page.run(
        "document.body.append(Object.assign(document.createElement('input'),"
        " { type: 'file', id: 'mine' }))"
    )
    document = await page.call("DOM.getDocument")
    node = await page.call("DOM.querySelector", nodeId=document["root"]["nodeId"], selector="#mine")
    await page.call("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(file)])
    await page.until("document.querySelector('#mine').files[0]?.size === 3_000_000", "the choice")
    await asyncio.to_thread(file.write_bytes, content[:1000])
    await page.run(choose("document.querySelector('#mine').files[0]"))
    await page.until(state(page, "a.bin", "can no longer be read"), "the reason")
    assert "a.bin" not in store_names(card)


async def test_the_window_of_uploads(page: Page, card: Site) -> None:
    """It fills a long, fast link, and does not fill the queue of a slow one."""
    await page.goto(card.origin)
    run = """(async (rate, roundTrip, blobs, later = roundTrip) => {
      const { Window } = await import('/static/files/window.js');
      const window = new Window();
      const arrivals = [];
      let now = 0, sent = 0, free = 0, largest = 0;
      while (sent < blobs || arrivals.length) {
        while (sent < blobs && !window.isFull) {
          free = Math.max(now, free) + 1000 / rate;
          arrivals.push(free + (sent < 4 ? roundTrip : later));
          window.add(now);
          sent += 1;
        }
        largest = Math.max(largest, arrivals.length);
        now = arrivals.shift();
        window.acknowledged(now);
      }
      return [largest, now / 1000];
    })"""
    largest, seconds = await page.run(f"{run}(100_000, 50, 10_000)")
    assert largest == 256
    assert 10_000 * 6048 / seconds > 20e6, "bytes a second at 50 ms"
    largest, seconds = await page.run(f"{run}(100_000, 50, 10_000, 250)")
    assert largest == 256, "although the link has become longer"
    largest, seconds = await page.run(f"{run}(15, 20, 300)")
    assert largest <= 8
    assert seconds < 300 / 15 * 1.05, "the link is in use all the time"
