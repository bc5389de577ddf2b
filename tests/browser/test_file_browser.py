"""The file browser of the page: folders, selection, keys, changes and previews."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import pytest_asyncio

from guacr.api import Feature, ForbiddenError
from handlers.testcard.files import CardFiles
from handlers.testcard.samples import SAMPLES
from tests.browser.files import (
    CARD,
    NAMES,
    choose,
    folder,
    js,
    state,
    store,
    store_names,
    stored,
    until_names,
)
from tests.browser.visit import sessions
from tests.support.browser import CTRL, SHIFT, Browser, Page, Window
from tests.support.site import Site, running_site
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SAMPLE_NAMES = ["Reports", "About these files.txt", "Colours.png"]
STATUS = "document.querySelector('#files-status').textContent"
SELECTED = (
    "[...document.querySelectorAll('#files-rows tr[aria-selected=true] .file-name > button')]"
    ".map(e => e.innerText)"
)
FOCUSED = "document.activeElement.closest('tr')?.querySelector('button').innerText"


@pytest_asyncio.fixture(loop_scope="session")
async def card() -> AsyncIterator[Site]:
    async with running_site(connections=CARD) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def files(page: Page, card: Site) -> Page:
    """A page that shows the folder in the card's memory."""
    await folder(page, card, "files")
    await until_names(page, *SAMPLE_NAMES)
    return page


async def select(page: Page, name: str) -> None:
    """Select an entry by its box."""
    await page.click(f'#files-rows [aria-label="Select {name}"]')


async def answer(page: Page, text: str) -> None:
    """Answer a question with a name."""
    await page.until_visible("#ask-value")
    await page.run(f"document.querySelector('#ask-value').value = {js(text)}")
    await page.click("#ask-do")


# ---- what is shown


async def test_sizes_dates_and_a_summary(files: Page) -> None:
    rows = await files.run(
        "[...document.querySelectorAll('#files-rows tr')].map(row => [...row.cells].map(cell =>"
        " cell.innerText))"
    )
    assert [row[2] for row in rows] == ["", "220 bytes", "183.6 kB"]
    shown = await files.run(
        "new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(Date.now())"
    )
    assert all(shown in row[3] for row in rows)
    assert await files.run(STATUS) == "1 folder, 2 files, 183.8 kB"


async def test_columns_sort(page: Page, card: Site) -> None:
    await folder(page, card, "download")
    order = ["1 KiB", "1 MiB", "10 MiB", "100 MiB", "empty"]
    await until_names(page, *order)
    await page.click("[data-order=size] button")
    await until_names(page, "empty", *order[:4])
    await page.click("[data-order=size] button")
    await until_names(page, *order[3::-1], "empty")
    head = "document.querySelector('[data-order=size]').getAttribute('aria-sort')"
    assert await page.run(head) == "descending"


async def test_folders_come_first(files: Page) -> None:
    await files.click("[data-order=name] button")
    await until_names(files, "Reports", "Colours.png", "About these files.txt")


async def test_large_folders_are_shown_bit_by_bit(page: Page, card: Site) -> None:
    await folder(page, card)
    for number in range(1000):
        store(card).make_directory(f"/Reports/{number:04}")
    await page.click('#files-rows [aria-label="Open files"]')
    await page.click('#files-rows [aria-label="Open Reports"]')
    await page.until(f"{NAMES}.includes('0000')", "the first")
    assert await page.run(f"{NAMES}.length") == 300
    await page.run("document.querySelector('#files-rows tr').focus()")
    await page.key("End")
    await page.until(f"{FOCUSED} === '2026.csv'", "the last")
    assert await page.run(f"{NAMES}.length") == 1003


async def test_names_of_every_kind(files: Page, card: Site) -> None:
    names = ["<b>x", "\u202egpj.exe", "a\nb", "🙂 ü", "..\\evil", "%2e%2e", "x" * 255, "a'\"b", " "]
    for name in names:
        store(card).open(f"/Reports/{name}", 0)
    await files.click('#files-rows [aria-label="Open Reports"]')
    await files.until(f"{NAMES}.length === {len(names) + 3}", "the names")
    shown = await files.run(NAMES)
    assert {"<b>x", "⟨202E⟩gpj.exe", "a⟨000A⟩b", "🙂 ü", "..\\evil", "x" * 255} <= set(shown)
    assert await files.run("document.querySelectorAll('#files-rows b').length") == 0
    await files.key("Tab")
    await files.run("document.querySelector('#files-rows tr').focus()")
    await files.key("a", CTRL)
    await files.click("#files-delete")
    await files.click("#ask-do")
    await until_names(files)
    assert store_names(card, "/Reports") == []


async def test_a_folder_that_cannot_be_read_says_why(
    files: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: CardFiles, path: str) -> object:
        raise ForbiddenError("you may not look into it")

    monkeypatch.setattr(CardFiles, "stat", refuse)
    await files.click('#files-rows [aria-label="Open Reports"]')
    await files.until(f"{STATUS} === 'You may not look into it.'", "the reason")
    monkeypatch.undo()
    await files.click("#files-path button:nth-of-type(2)")
    await until_names(files, *SAMPLE_NAMES)


async def test_only_what_is_possible_is_offered(
    page: Page, card: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CardFiles, "features", frozenset((Feature.READ,)))
    await folder(page, card, "files")
    await until_names(page, *SAMPLE_NAMES)
    await select(page, "Reports")
    shown = "[...document.querySelectorAll('.files-tools button')].filter(b => b.offsetParent)"
    assert await page.run(f"{shown}.map(b => b.innerText)") == ["Download"]
    await page.run("document.querySelector('#files-rows tr').focus()")
    for key in ("F2", "Delete"):
        await page.key(key)
    assert not await page.run("document.querySelector('#ask-dialog').open")


async def test_file_systems_come_and_go(files: Page, card: Site) -> None:
    class Other(CardFiles):
        name = "<i>Other"

    (session,) = sessions(card)
    (user,) = session.users
    box = "document.querySelector('#files-system')"
    assert await files.run(f"{box}.hidden")
    user.objects.offer(Other(lambda text: None))
    await files.until(f"!{box}.hidden && {box}.options[1].text === '<i>Other'", "the choice")
    assert await files.run(NAMES) == SAMPLE_NAMES, "what is shown stays"
    await files.run(f"{box}.selectedIndex = 1; {box}.dispatchEvent(new Event('change'))")
    await until_names(files, "download", "files", "upload")
    await files.click('#files-rows [aria-label="Open upload"]')
    await until_names(files)
    user.objects.withdraw(1)
    await until_names(files, "download", "files", "upload")
    assert await files.text("#files-path") == "Test card"
    user.objects.withdraw(0)
    await files.until("document.querySelector('#files-browser').hidden", "no file system")
    assert files.errors == []


@pytest.mark.parametrize("dark", [False, True])
async def test_nothing_is_cut_off_in_a_narrow_window(
    browser: Browser, card: Site, dark: bool
) -> None:
    page = await browser.page(Window(width=360, height=640, dark=dark))
    await folder(page, card, "files")
    await until_names(page, *SAMPLE_NAMES)
    wide = (
        "[...document.querySelectorAll('#files-dialog, #files-dialog *')].filter(e => e.clientWidth"
        " && e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.id || e.className)"
    )
    assert await page.run(wide) == []
    await page.close()


# ---- keys


async def test_keys(files: Page) -> None:
    await files.run("document.querySelector('#files-rows tr[tabindex=\"0\"]').focus()")
    await files.key("ArrowDown")
    assert await files.run(FOCUSED) == "About these files.txt"
    await files.key(" ")
    await files.key("ArrowDown", SHIFT)
    assert await files.run(SELECTED) == SAMPLE_NAMES[1:]
    await files.key("Home")
    await files.key("c")
    assert await files.run(FOCUSED) == "Colours.png"
    await files.key("a", CTRL)
    assert await files.run(SELECTED) == SAMPLE_NAMES
    assert await files.run("document.querySelector('#files-selection').textContent") == "3 selected"
    await files.key("Home")
    await files.key("Enter")
    await until_names(files, "2024.csv", "2025.csv", "2026.csv")
    await files.until(f"{FOCUSED} === '2024.csv'", "the focus in the folder")
    await files.key("Backspace")
    await until_names(files, *SAMPLE_NAMES)
    await files.until(f"{FOCUSED} === 'Reports'", "the focus where it was")
    tabs = "document.querySelectorAll('#files-rows [tabindex=\"0\"]').length"
    assert await files.run(tabs) == 1, "the list is one stop of the Tab key"


async def test_a_file_is_renamed_and_deleted_by_keys(files: Page, card: Site) -> None:
    await files.run("document.querySelector('#files-rows tr').focus()")
    await files.key("End")
    await files.key("F2")
    await files.until_visible("#ask-value")
    field = "document.querySelector('#ask-value')"
    assert await files.run(f"{field}.value.slice(0, {field}.selectionEnd)") == "Colours"
    await answer(files, "Zebra <1>.png")
    await until_names(files, *SAMPLE_NAMES[:2], "Zebra <1>.png")
    await files.until(f"{FOCUSED} === 'Zebra <1>.png'", "the focus")
    await files.key("Delete")
    await files.until_visible("#ask-do")
    assert await files.text("#ask-title") == "Delete “Zebra <1>.png”?"
    await files.click("#ask-dialog [data-close]")
    await files.until(f"{FOCUSED} === 'Zebra <1>.png'", "the focus")
    assert "Zebra <1>.png" in store_names(card)
    await files.key("Delete")
    await files.click("#ask-do")
    await until_names(files, *SAMPLE_NAMES[:2])
    assert "Zebra <1>.png" not in store_names(card)


# ---- changes


async def test_a_folder_is_created(files: Page, card: Site) -> None:
    await files.click("#files-new")
    for name, reason in (("", "Enter a name."), ("a/b", "slash"), ("..", "special")):
        await answer(files, name)
        assert reason in await files.text("#ask-error")
    await answer(files, "../ü 🙂"[3:])
    await until_names(files, "Reports", "ü 🙂", *SAMPLE_NAMES[1:])
    assert await files.run(SELECTED) == ["ü 🙂"]
    assert "ü 🙂" in store_names(card)


async def test_a_refused_change_says_why(files: Page) -> None:
    await select(files, "Colours.png")
    await files.click("#files-rename")
    await answer(files, "Reports")
    await files.until(f"{STATUS}.includes('exists already')", "the reason")
    await until_names(files, *SAMPLE_NAMES)


async def test_a_folder_is_deleted_with_everything(files: Page, card: Site) -> None:
    await select(files, "Reports")
    await select(files, "Colours.png")
    await files.click("#files-delete")
    assert await files.text("#ask-title") == "Delete 2 items?"
    assert "everything in them" in await files.text("#ask-text")
    await files.click("#ask-do")
    await until_names(files, "About these files.txt")
    assert store_names(card) == ["About these files.txt"]


# ---- whole folders


async def test_a_folder_is_downloaded_as_an_archive(files: Page, tmp_path: Path) -> None:
    await files.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await files.click("#files-all")
    await files.click("#files-download")
    await files.until(state(files, "files.zip", "kB, "), "the end")
    file = tmp_path / "files.zip"
    await until(file.exists, "the file")
    data = await asyncio.to_thread(file.read_bytes)
    with ZipFile(io.BytesIO(data)) as archive:
        found = {f"/{name}": archive.read(name) for name in archive.namelist()}
    expected = {name if data else f"{name}/": data or b"" for name, data in SAMPLES.items()}
    assert found == expected


async def drop_paths(page: Page, *paths: Path) -> None:
    """Drop files and folders of the disk on the dialog."""
    x, y = await page.place("#files-scroll")
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await page.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)


async def test_a_folder_is_dropped(files: Page, card: Site, tmp_path: Path) -> None:
    root = tmp_path / "Photos"
    (root / "empty").mkdir(parents=True)
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "sub" / "deep" / "ü.txt").write_text("deep")
    for number in range(20):
        (root / f"{number}.bin").write_bytes(bytes([number]) * 20_000)
    await drop_paths(files, root)
    await files.until(state(files, "Photos", "400.0 kB, "), "the end")
    await until_names(files, "Photos", *SAMPLE_NAMES)
    assert stored(card, "/Photos/sub/deep/ü.txt") == b"deep"
    assert store_names(card, "/Photos/empty") == []
    for number in range(20):
        assert stored(card, f"/Photos/{number}.bin") == bytes([number]) * 20_000
    assert files.errors == []


async def test_a_folder_is_chosen(files: Page, card: Site, tmp_path: Path) -> None:
    root = tmp_path / "Photos"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.txt").write_text("a")
    document = await files.call("DOM.getDocument")
    node = await files.call(
        "DOM.querySelector", nodeId=document["root"]["nodeId"], selector="#files-chosen-folder"
    )
    await files.call("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(root)])
    await files.until(state(files, "Photos", "1 bytes, "), "the end")
    assert stored(card, "/Photos/sub/a.txt") == b"a"


async def test_what_exists_is_replaced_only_if_the_person_says_so(files: Page, card: Site) -> None:
    before = stored(card, "/Colours.png")
    await files.run(choose("new File(['new'], 'Colours.png')"))
    await files.until_visible("#ask-do")
    assert await files.text("#ask-title") == "Replace “Colours.png”?"
    await files.click("#ask-dialog [data-close]")
    await files.run(choose("new File(['new'], 'other')"))
    await files.until(f"{NAMES}.includes('other')", "another file")
    assert stored(card, "/Colours.png") == before
    await files.run(choose("new File(['new'], 'Colours.png')"))
    await files.until_visible("#ask-do")
    await files.click("#ask-do")
    await files.until(state(files, "Colours.png", "3 bytes, "), "the end")
    assert stored(card, "/Colours.png") == b"new"


# ---- previews


async def preview(page: Page, card: Site, name: str, content: bytes) -> None:
    """Preview a file of this content."""
    store(card).append(f"/{name}", store(card).open(f"/{name}", 0), content)
    await page.click("#files-refresh")
    await page.click(f"#files-rows [aria-label={json.dumps(f'Preview {name}')}]")


async def test_texts_are_only_texts(files: Page, card: Site) -> None:
    text = "<script>alert(1)</script><img src=x onerror=alert(1)>\n\u202eevil\tü\n"
    await preview(files, card, "a.html", text.encode())
    await files.until_visible("#preview-text")
    shown = await files.run("document.querySelector('#preview-text').textContent")
    assert shown == text.replace("\u202e", "⟨202E⟩")
    assert await files.run("document.querySelector('#preview-text').children.length") == 0
    await files.click("#preview-dialog [data-close]")
    await preview(files, card, "b.txt", "aü".encode() * 200_000)
    await files.until("/first 262.1 kB/.test(document.body.innerText)", "the limit")
    assert files.errors == []


async def test_pictures(files: Page, card: Site) -> None:
    await files.click('#files-rows [aria-label="Preview Colours.png"]')
    await files.until_visible("#preview-picture")
    assert await files.text("#preview-status") == "256 × 256 pixels"
    await files.click("#preview-dialog [data-close]")
    await files.until("!document.querySelector('#preview-picture').hasAttribute('src')", "its end")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        ("b.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "damaged"),
        ("c.txt", bytes(100), "not a text"),
        ("d.txt", b"\xff\xfe\xfd\x00\xd8", "not a text"),
        ("e.txt", b"", "empty"),
    ],
)
async def test_what_cannot_be_shown(
    files: Page, card: Site, name: str, content: bytes, reason: str
) -> None:
    await preview(files, card, name, content)
    await files.until(
        f"document.querySelector('#preview-status').textContent.includes({js(reason)})", reason
    )
