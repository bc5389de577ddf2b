"""The operators' page in a browser."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from guacr.access.operator_tokens import ALL_RIGHTS, Right, make_operator_token
from guacr.daemon import Daemon
from guacr.display.geometry import Rect
from guacr.protocol.client import ClientInfo
from guacr.session.origin import Origin
from guacr.session.user import User
from guacr.testing.daemon import LOCAL, local_settings, running_daemon
from tests.support.browser import Browser, Page, Window
from tests.support.loopback import MemoryTransport, SketchHandler, note_session, session_of, sketch
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEY = "the key of operators' tokens, of enough characters"
ROWS = "document.querySelectorAll('#sessions-list tr').length"
CUT = """[...document.querySelectorAll('.scrolled')].map((one) => one.scrollWidth - one.clientWidth)
    .filter((hidden) => hidden > 0)"""
HOSTILE = "<img src=x onerror=alert(1)>\u202e"


def operator_token(rights: Iterable[Right] = ALL_RIGHTS) -> str:
    return make_operator_token(KEY, "ann", rights, now=time.time(), lifetime=60)


@asynccontextmanager
async def running(**control: object) -> AsyncIterator[Daemon]:
    settings = local_settings(
        websocket={"hosts": LOCAL, "port": 0},
        control={"page": True, "token_keys": [KEY]} | control,
    )
    async with running_daemon(SketchHandler, settings=settings) as daemon:
        yield daemon


def connect(daemon: Daemon, subject: str, name: str = "somebody") -> tuple[MemoryTransport, User]:
    transport, origin = MemoryTransport(), Origin(subject=subject)
    info = ClientInfo(width=200, height=100, version=(1, 5, 0), name=name)
    reader = daemon.registry.open("sketch", {}, info, transport, origin)
    note_session(reader)
    return transport, reader.user


def address(daemon: Daemon, fragment: str = "") -> str:
    return f"http://127.0.0.1:{daemon.web_port}/admin{fragment}"


@asynccontextmanager
async def opened(
    browser: Browser, daemon: Daemon, token: str, window: Window | None = None
) -> AsyncIterator[Page]:
    page = await browser.page(window)
    await page.goto(address(daemon, f"#token={token}"))
    yield page
    assert page.errors == []
    await page.close()


async def test_sessions_are_listed_filtered_watched_and_ended(browser: Browser) -> None:
    async with running(announce_watchers=False) as daemon:
        first, _ = connect(daemon, "bob", HOSTILE)
        connect(daemon, HOSTILE)
        connect(daemon, "")
        async with opened(browser, daemon, operator_token()) as page:
            await page.until(f"{ROWS} === 3", "the sessions")
            assert "token" not in await page.run("location.href")
            assert "<img src=x onerror=alert(1)>⟨202E⟩" in await page.text("#sessions-list")
            assert "somebody" not in await page.text("#sessions-list")  # clients choose their names
            await page.click("#search")
            await page.type("BOB")
            await page.until(f"{ROWS} === 1", "the filter")
            await page.click("#filters summary")
            await page.click("#filter-subject")
            await page.type("bo")  # fields must be the same
            await page.until(f"{ROWS} === 0", "the second filter")
            await page.type("b")
            await page.until(f"{ROWS} === 1", "the session again")
            assert await page.text("#filters summary") == "Filters (1)"
            await page.click("#sessions-list button")
            assert "<img" in await page.text("#users")
            assert "not told" in await page.text("#announced")
            await page.click("#watch")
            await page.until_visible("#watch-display canvas")
            await page.until("document.querySelector('#watch-status').textContent === ''", "sync")
            (session,) = [one for one in daemon.registry.sessions.values() if len(one.users) == 2]
            assert [one.rights.read_only for one in session.users] == [False, True]
            await page.click("#watch-dialog button")
            await until(lambda: len(session.users) == 1, "the watcher leaves")
            await page.click("#end")
            await page.type("come back at ten")
            await page.key("Enter")
            await page.until(f"{ROWS} === 0", "the end")
            assert await page.text("#sessions-note") == "No session matches."
        assert first.all("error") == [("come back at ten", "523")]


async def test_a_watched_screen_is_scaled_without_gaps(browser: Browser) -> None:
    chequers = np.indices((768, 1024, 4))[:2].sum(axis=0).astype(np.uint8) % 2 * 255
    async with running() as daemon:
        _, owner = connect(daemon, "bob")
        surface = sketch(owner).surface
        surface.resize(1024, 768)
        surface.blit(Rect(0, 0, 1024, 768), chequers)
        async with opened(browser, daemon, operator_token()) as page:
            await page.click("#sessions-list button")
            await page.click("#watch")
            await page.until_visible("#watch-display canvas")
            await page.until("document.querySelector('#watch-status').textContent === ''", "sync")
            pointers = "document.querySelectorAll('#watch-display canvas').length - 1"
            assert await page.run(pointers) == 0
            session_of(owner).pointer.moved_by(owner, 10, 10, 0)
            await page.until(f"{pointers} === 1", "the pointer that the owner has moved")
            for width, height in ((1280, 800), (1000, 700), (900, 640), (700, 600)):
                await page.resize(Window(width=width, height=height))
                await page.until(f"innerWidth === {width}", "the new size")
                picture = Image.open(BytesIO(await page.screenshot())).convert("L")
                middle = np.asarray(picture)[height // 2 - 50 :][:100, width // 2 - 50 :][:, :100]
                grey = np.mean((middle > 30) & (middle < 225))
                assert grey > 0.5, f"{width}x{height}: every pixel is that of a single remote one"


async def test_sessions_are_sorted_by_columns(browser: Browser) -> None:
    people = "[...document.querySelectorAll('#sessions-list tr')].map((r) => r.cells[2].innerText)"
    async with running() as daemon:
        for person in ("p10", "p9", "p1"):
            connect(daemon, person)
        async with opened(browser, daemon, operator_token()) as page:
            await page.until(f"{ROWS} === 3", "the sessions")
            for expected, sort in (
                (["p1", "p9", "p10"], "ascending"),
                (["p10", "p9", "p1"], "descending"),
                (["p10", "p9", "p1"], None),
            ):
                await page.click("#sessions th:nth-child(3) button")
                assert await page.run(people) == expected
                head = "document.querySelector('#sessions th:nth-child(3)')"
                assert await page.run(f"{head}.getAttribute('aria-sort')") == sort
            await page.click("#sessions th:nth-child(6) button")
            assert await page.run(people) == ["p1", "p9", "p10"], "the youngest first"


async def test_rights_and_wrong_tokens(browser: Browser) -> None:
    async with running() as daemon:
        page = await browser.page()
        await page.goto(address(daemon))
        await page.click("#token")
        await page.type("wrong\n")
        await page.until("document.querySelector('#login-error').textContent", "the refusal")
        page.errors.clear()  # the browser reports the status, too
        await page.run(f"document.querySelector('#token').value = '{operator_token([Right.READ])}'")
        await page.click("#login button")
        await page.until_visible("#workers tr")
        assert (await page.text("#workers td")).startswith("pid ")  # a single one has no name
        assert await page.run("document.querySelector('#drain').offsetParent === null")
        await page.goto(address(daemon))
        await page.until_visible("#workers tr")  # the tab has kept the token
        await page.click("#log-out")
        await page.until_visible("#token")
        assert await page.run("sessionStorage.length") == 0
        assert page.errors == []
        await page.close()


async def test_tables_fit_on_a_phone(browser: Browser) -> None:
    async with running() as daemon:
        connect(daemon, "bob", "a name that a client gives itself")
        phone = Window(width=360, height=740, mobile=True)
        async with opened(browser, daemon, operator_token(), phone) as page:
            await page.until(f"{ROWS} === 1", "the session")
            await page.click("#sessions-list button")
            await page.until_visible("#users td")
            assert await page.run(CUT) == []
            label = "getComputedStyle(document.querySelector('#users td'), '::before').content"
            assert await page.run(label) == '"User"'


async def test_nothing_is_wider_than_the_window(browser: Browser) -> None:
    wider = """[...document.querySelectorAll('body *')].filter((one) => !one.closest('.scrolled *'))
        .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
        .map((one) => one.id || one.tagName)"""
    rates = "document.querySelector('#sessions').innerText.includes('/s')"
    async with running() as daemon:
        for name in ("ann", "a-person-with-a-long-name@a.domain.example", ""):
            connect(daemon, name)
        async with opened(browser, daemon, operator_token()) as page:
            await page.until(f"{ROWS} === 3", "the sessions")
            await page.until(rates, "the rates")
            for width in range(320, 1401, 20):
                await page.resize(Window(width=width))
                await page.until(f"innerWidth === {width}", "the new size")
                assert await page.run(wider) == [], width
                assert await page.run("document.documentElement.scrollWidth") <= width
                assert await page.run(CUT) == [], f"{width}: tables have to be scrolled"


async def test_draining_on_a_phone(browser: Browser) -> None:
    async with running() as daemon:
        connect(daemon, "a person with a long name, " * 5)
        phone = Window(width=390, height=844, mobile=True, dark=True)
        async with opened(browser, daemon, operator_token(), phone) as page:
            await page.click("#drain")
            await page.click("#confirm-do")
            await page.until_visible("#reasons li")
            assert daemon.registry.is_draining
            assert await page.text("#state") == "draining"
            assert await page.run("document.documentElement.scrollWidth") <= 390
            await page.click("#resume")
            await until(lambda: not daemon.registry.is_draining, "sessions are opened again")
