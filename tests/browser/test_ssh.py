"""A person's way through an SSH session in the page: a real OpenSSH, a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from handlers.ssh import SshHandler
from tests.browser.visit import CONNECTED, NOTICE, screen, see, sessions
from tests.support.browser import CTRL, SHIFT, Browser, Page, Window
from tests.support.guarding import owned
from tests.support.openssh import OpenSsh, openssh_server, sshd
from tests.support.require import missing
from tests.support.site import Site, running_site
from tests.support.waiting import until, until_saved

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CLOSE_PIPE = "printf '\\033]482203\\007'"
FULL_SCREEN = "yes '################################################' | head -n 38\n"


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    if sshd() is None:
        missing("openssh-server is not installed")
    with openssh_server() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def site(browser: Browser, server: OpenSsh) -> AsyncIterator[Site]:
    login = {"username": server.user, "private-key": server.make_key("-t", "ed25519")}
    shell = {"protocol": "ssh", "title": "Shell", "parameters": server.address | login}
    async with running_site(connections={"shell": shell}) as running:
        await browser.allow_clipboard(running.origin)
        yield running


def handler_of(site: Site) -> SshHandler:
    (session,) = sessions(site)
    assert isinstance(session.handler, SshHandler)
    return session.handler


async def shell(page: Page, site: Site) -> None:
    """Open the shell from the list, and wait for a prompt of our own."""
    await page.goto(site.origin)
    await page.click(".card")
    await page.until(CONNECTED, "the first picture")
    await page.type("PS1='ready''> '; clear\n")
    await until(lambda: sessions(site) and screen(site)[0] == "ready>", "the prompt")


async def lit(page: Page) -> int:
    """Return the number of bright pixels of the page."""
    grey = Image.open(BytesIO(await page.screenshot())).convert("L")
    return sum(grey.histogram()[128:])


async def until_full(page: Page) -> None:
    """Wait until the picture is full of text; a prompt and a greeting are not enough."""
    async with asyncio.timeout(10):
        while await lit(page) < 40_000:  # noqa: ASYNC110 - a picture announces nothing
            await asyncio.sleep(0.02)


async def test_typing_and_seeing_it(page: Page, site: Site) -> None:
    await shell(page, site)
    await page.type("echo $((6*7)) at $SHELL\n")
    await see(site, "42 at /")
    await page.type(FULL_SCREEN)
    await until_full(page)
    assert page.errors == []


async def test_copying_by_selecting_and_pasting(page: Page, site: Site) -> None:
    await shell(page, site)
    await page.type("clear; echo chosen-words\n")
    await until(lambda: screen(site)[0] == "chosen-words", "the chosen words")
    columns, rows, width, height = handler_of(site).window
    cell, line = width / columns, height / rows
    await page.drag((cell * 0.5, line / 2), (cell * 14, line / 2))
    await page.until(
        "navigator.clipboard.readText().then(t => t.trim() === 'chosen-words')", "the clipboard"
    )
    await page.run("navigator.clipboard.writeText('echo pasted-$((1+1))')")
    await page.key_event("keyDown", "Control", CTRL)
    await page.key_event("keyDown", "Shift", CTRL | SHIFT)
    await page.key("V", CTRL | SHIFT, ("pasteAndMatchStyle",))
    await page.key_event("keyUp", "Shift", CTRL)
    await page.key_event("keyUp", "Control")
    await see(site, "echo pasted-$((1+1))")
    await page.key("Enter")
    await see(site, "pasted-2")


async def test_the_shell_knows_the_windows_size(page: Page, site: Site) -> None:
    await shell(page, site)
    columns = handler_of(site).window[0]
    await page.resize(Window(width=800, height=500))
    await until(lambda: handler_of(site).window[0] < columns, "the smaller terminal")
    await page.type("clear; stty size\n")
    columns, rows, _, _ = handler_of(site).window
    await see(site, f"{rows} {columns}")


async def test_the_tab_has_the_title_of_the_terminal(page: Page, site: Site) -> None:
    await shell(page, site)
    await page.type("printf '\\033]2;reading mail\\007'\n")
    await page.until("document.title === 'Shell – reading mail'", "the title")


async def test_a_viewer_sees_it_and_cannot_type(browser: Browser, page: Page, site: Site) -> None:
    await shell(page, site)
    await page.click("#bar-toggle")
    await page.click("#action-share")
    link = await page.until("document.querySelector('#share-link').value", "the link")
    viewer = await browser.page()
    await viewer.goto(link)
    await viewer.until(CONNECTED, "the viewer's picture")
    await viewer.type("echo from-the-viewer\n")
    await page.run("document.querySelector('#share-dialog').close()")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.type("echo from-the-owner\n")
    await see(site, "from-the-owner")
    assert not any("from-the-viewer" in row for row in screen(site))
    await page.type(FULL_SCREEN)
    await until_full(viewer)
    await viewer.close()


async def test_a_killed_server_is_explained_and_a_new_one_reached(page: Page, site: Site) -> None:
    await shell(page, site)
    await page.type("kill -KILL $PPID\n")
    await page.until_visible(NOTICE)
    assert await page.text("#notice-text") != ""
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the new picture")
    await until(lambda: sessions(site) and any(screen(site)), "the new prompt")


async def test_the_end_of_the_shell(page: Page, site: Site) -> None:
    await shell(page, site)
    await page.type("exit\n")
    await page.until_visible(NOTICE)
    assert await page.text("#notice-title") == "Session ended"


async def test_a_server_that_is_not_there(page: Page, site: Site, server: OpenSsh) -> None:
    server.stop()
    try:
        await page.goto(f"{site.origin}/#connection=shell")
        await page.until_visible(NOTICE)
        assert await page.text("#notice-title") == "Host not available"
        assert str(server.port) in await page.text("#notice-text")
    finally:
        with owned():
            server.start()
    await page.click("#notice-reconnect")
    await page.until(CONNECTED, "the new picture")


@pytest.mark.parametrize("key", ["F", "А"], ids=["Latin", "Cyrillic"])
async def test_searching_the_scrollback(page: Page, site: Site, key: str) -> None:
    await shell(page, site)
    await page.type("clear; seq -f 'row %g' 1 300\n")
    await see(site, "row 300")
    await page.until("!document.querySelector('#action-search').hidden", "the daemon's greeting")
    await page.key_event("keyDown", "Control", CTRL)
    await page.key_event("keyDown", "Shift", CTRL | SHIFT)
    await page.key(key, CTRL | SHIFT, place="KeyF")
    await page.key_event("keyUp", "Shift", CTRL)
    await page.key_event("keyUp", "Control")
    await page.until("document.activeElement.id === 'search-text'", "the search field")
    await page.type("ROW 12")
    count = "document.querySelector('#search-count').textContent"
    await page.until(f"{count} === '1 of 11'", "the newest match")
    bar = handler_of(site).terminal.emulator.scrollbar
    assert not bar.at_bottom
    await page.key("Enter")
    await page.until(f"{count} === '2 of 11'", "the previous match")
    await page.key("Enter", SHIFT)
    await page.until(f"{count} === '1 of 11'", "the first match again")
    await page.key("Escape")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.type("echo typed-$((1+1))\n")
    await see(site, "typed-2")
    assert page.errors == []


async def test_a_link_is_opened_by_who_confirms_it(page: Page, site: Site) -> None:
    await shell(page, site)
    await page.until("!document.querySelector('#action-search').hidden", "the daemon's greeting")
    await page.run("window.open = (...args) => (window.opened = args)")
    await page.type(
        "clear; printf '\\033]8;;https://example.org/here\\007a link\\033]8;;\\007\\n'\n"
    )
    await until(lambda: screen(site)[0] == "a link", "the link")
    columns, rows, width, height = handler_of(site).window
    x, y = width / columns * 3, height / rows
    await page.key_event("keyDown", "Control", CTRL)
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        await page.mouse(kind, x, y)
    await page.key_event("keyUp", "Control")
    await page.until("document.querySelector('#open-dialog').open", "the question")
    assert await page.text("#open-address") == "https://example.org/here"
    await page.click("#open-link")
    assert await page.run("window.opened[0]") == "https://example.org/here"


def pipe(name: str) -> str:
    """A command that opens one."""
    return f"printf '\\033]482202;{name}\\007'"


def names(directory: Path) -> list[str]:
    """The files in it."""
    return [file.name for file in directory.iterdir()]


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("rows.bin", "rows.bin"),
        ("/etc/..\\\\.rows\\342\\200\\256.bin", "rows.bin"),
        ("../..", "file"),
        ("\\303\\274 b", "ü b"),
    ],
)
async def test_what_a_program_prints_into_a_pipe_is_downloaded(
    page: Page, site: Site, tmp_path: Path, name: str, saved: str
) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await shell(page, site)
    await page.type(
        f"stty -onlcr; {pipe(name)}; seq 1 50000; {CLOSE_PIPE}; stty onlcr; echo d''one\n"
    )
    await see(site, "done")
    whole = "".join(f"{number}\n" for number in range(1, 50_001)).encode()
    await until_saved(tmp_path / saved, whole)
    assert names(tmp_path) == [saved]
    assert page.errors == []


async def test_a_pipe_that_is_cancelled_goes_on_on_the_screen(
    page: Page, site: Site, tmp_path: Path
) -> None:
    await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    await shell(page, site)
    await page.type(f"{pipe('2;log')}; echo first; read x; echo sec''ond; {CLOSE_PIPE}\n")
    await page.click("#bar-toggle")
    await page.click("#action-files")
    await page.until(
        "/7 bytes/.test(document.querySelector('#transfers').innerText)", "the size of the transfer"
    )
    await page.click('#transfers [aria-label="Cancel log"]')
    await page.key("Escape")
    await page.until("document.activeElement.id === 'sink'", "the focus")
    await page.type("\n")
    await see(site, "the pipe 'log' has ended")
    await see(site, "second")
    assert names(tmp_path) == []
