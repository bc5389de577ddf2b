"""Transfers of files in the page: downloads, uploads, and what is dropped on the screen."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from guacr.api import Entry
from guacr.errors import ForbiddenError, UpstreamError
from guacr.session.session import Session
from handlers.testcard import TestcardHandler as CardHandler
from handlers.testcard.files import PIECE, CardFiles
from tests.browser.files import CARD, MEGABYTE, choose, drop, folder, state
from tests.browser.visit import CONNECTED, connected, sessions
from tests.support.browser import Browser, Page, Window
from tests.support.site import Site, running_site
from tests.support.waiting import until, until_saved

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


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


async def test_a_file_is_downloaded(page: Page, card: Site, tmp_path: Path) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await folder(page, card, "download")
    await page.click('#files-rows [aria-label="Download 1 MiB"]')
    await page.until(state(page, "1 MiB", "1.0 MB, "), "the end of the download")
    await until_saved(tmp_path / "1 MiB", PIECE * 16)
    assert page.errors == []


async def test_folders_by_their_path(page: Page, card: Site) -> None:
    await folder(page, card, "upload")
    await page.until(
        "/is empty/.test(document.querySelector('#files-status').textContent)", "an empty list"
    )
    await page.click("#files-path button")
    await page.until("document.querySelectorAll('#files-rows tr').length === 3", "the root")


async def test_a_file_is_uploaded(page: Page, card: Site, notes: list[str]) -> None:
    await folder(page, card, "upload")
    await page.run(choose(f"new File([{MEGABYTE}], 'ü.bin')"))
    await page.until(state(page, "ü.bin", "1.0 MB, "), "the end of the upload")
    await until(lambda: notes[-1:] != [] and notes[-1].endswith("all"), "the card's note")
    assert notes[0] == "file 'ü.bin'"
    assert notes[-1].startswith("1,000,000 bytes")
    await page.run(choose("new File([], 'nothing')"))
    await until(lambda: notes[-1].startswith("0 bytes"), "an empty file")


async def test_answers_to_other_streams_are_not_the_uploads(
    page: Page, card: Site, notes: list[str]
) -> None:
    await folder(page, card, "upload")
    # each of these messages is refused, and was answered on the index that the upload took
    focus = "dispatchEvent(new Event('focus')); dispatchEvent(new Event('blur'))"
    await page.run(f"{focus}; {choose(f'new File([{MEGABYTE}], `a.bin`)')}")
    await page.until(state(page, "a.bin", "1.0 MB, "), "the end of the upload")
    await until(lambda: notes[-1:] != [] and notes[-1].startswith("1,000,000 bytes"), "the note")


async def test_many_uploads_wait_for_each_other(page: Page, card: Site, notes: list[str]) -> None:
    await folder(page, card, "upload")
    for number in range(12):
        await page.run(choose(f"new File([new Uint8Array(100_000)], 'many-{number}')"))
    lines = "[...document.querySelectorAll('#transfers li')]"
    done = f"{lines}.filter(line => /kB, /.test(line.innerText))"
    await page.until(f"{done}.length === 12", "the end of all")
    await until(lambda: sum(note.endswith("all") for note in notes) == 12, "the notes")


async def test_a_refused_upload_says_why(page: Page, card: Site) -> None:
    await folder(page, card, "download")
    await page.run(choose(f"new File([{MEGABYTE}], 'no.bin')"))
    await page.until(
        state(page, "no.bin", "Files can be sent to /upload and /files only."), "the reason"
    )


async def test_a_refused_download_says_why(
    page: Page, card: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await folder(page, card, "download")
    await page.until_visible('#files-rows [aria-label="Download 1 KiB"]')

    async def refuse(self: CardFiles, path: str) -> Entry:
        raise ForbiddenError("you may not read this file")

    monkeypatch.setattr(CardFiles, "stat", refuse)
    await page.click('#files-rows [aria-label="Download 1 KiB"]')
    await page.until(state(page, "1 KiB", "You may not read this file."), "the reason")


async def test_a_file_that_breaks_off_is_not_saved(
    page: Page, card: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await folder(page, card, "download")

    async def break_off(self: CardFiles, path: str, offset: int = 0) -> AsyncGenerator[bytes, None]:
        yield PIECE
        raise UpstreamError("the host has gone")

    monkeypatch.setattr(CardFiles, "read", break_off)
    await page.click('#files-rows [aria-label="Download 1 KiB"]')
    await page.until(state(page, "1 KiB", "The host has gone."), "the reason")
    monkeypatch.undo()
    await page.click('#files-rows [aria-label="Download 1 MiB"]')
    await until_saved(tmp_path / "1 MiB", PIECE * 16)
    assert not (tmp_path / "1 KiB").exists()
    assert page.errors == []


async def test_a_file_is_dropped_on_the_screen(page: Page, card: Site, notes: list[str]) -> None:
    await page.goto(f"{card.origin}/#connection=card")
    await page.until(CONNECTED, "the test card")
    await page.run(drop(f"new File([{MEGABYTE}], 'dropped.bin')"))
    await until(lambda: notes[-1:] != [] and notes[-1].endswith("all"), "the card's note")
    await page.until(
        "/^dropped.bin: 1.0 MB/.test(document.querySelector('#toast').textContent)", "a word"
    )
    assert not await page.run("document.querySelector('#screen').classList.contains('dropping')")


async def test_folders_that_are_dropped_on_the_screen_are_refused(
    page: Page, card: Site, tmp_path: Path
) -> None:
    await page.goto(f"{card.origin}/#connection=card")
    await page.until(CONNECTED, "the test card")
    (tmp_path / "a").mkdir()
    data = {"items": [], "files": [str(tmp_path / "a")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await page.call("Input.dispatchDragEvent", type=kind, x=300, y=300, data=data)
    await page.until(
        "/Open Files to upload them/.test(document.querySelector('#toast').textContent)", "why not"
    )


async def test_where_files_are_not_taken_the_reason_is_shown(page: Page, site: Site) -> None:
    await connected(page, site)
    assert await page.run("document.querySelector('#action-files').hidden")
    await page.run(drop("new File(['x'], 'a.txt')"))
    await page.until(
        "document.querySelector('#toast').textContent ==="
        " 'a.txt: File streams are not supported by this protocol.'",
        "the reason",
    )


async def test_a_file_that_the_remote_side_sends(page: Page, site: Site, tmp_path: Path) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await connected(page, site)
    session: Session = sessions(site)[0]
    (user,) = session.users
    async with user.outputs.open_file("rows.csv", "text/csv") as stream:
        await stream.write(b"1;2\n" * 10_000)
    await until_saved(tmp_path / "rows.csv", b"1;2\n" * 10_000)


async def test_a_transfer_can_be_cancelled(page: Page, card: Site) -> None:
    await folder(page, card, "download")
    await page.click('#files-rows [aria-label="Download 100 MiB"]')
    await page.click('#transfers [aria-label="Cancel 100 MiB"]')
    await page.until(state(page, "100 MiB", "Cancelled."), "the end")
    (session,) = sessions(card)
    owner = session.users.owner
    assert owner is not None
    await until(lambda: not owner.transfers._under_way, "the end of the transfer")


@pytest.mark.parametrize("dark", [False, True])
async def test_the_dialog_fits_the_window(browser: Browser, card: Site, dark: bool) -> None:
    page = await browser.page(Window(width=390, height=700, dark=dark))
    await folder(page, card, "download")
    await page.until("document.querySelectorAll('#files-rows tr').length === 5", "the files")
    wide = "document.querySelector('#files-dialog').scrollWidth"
    assert await page.run(f"{wide} <= document.querySelector('#files-dialog').clientWidth")
    await page.close()


async def test_the_title_has_no_frame(page: Page, card: Site) -> None:
    """It has the focus, after keys as well, but nothing can be done with it."""
    await folder(page, card)
    await page.key("Tab")
    await page.run("document.querySelector('#files-title').focus()")
    title = "document.querySelector('#files-title')"
    assert await page.run(f"{title}.matches(':focus-visible')")
    assert await page.run(f"getComputedStyle({title}).outlineStyle") == "none"
