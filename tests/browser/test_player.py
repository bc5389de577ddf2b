"""The player of recordings in the page."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from guacr.access.tokens import Grant, make_token
from guacr.protocol.instruction import encode, encode_stream
from guacr.recording.index import KEYFRAME
from guacr.recording.locks import lock
from tests.support.browser import Browser, Page, Window
from tests.support.recordings import ttyrec_of
from tests.support.site import running_site
from tests.support.waiting import until_saved

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KEY = "a key that is long enough for tokens"
START = 1_764_412_800_000
WIDTH, HEIGHT = 320, 200
PIXEL = """(() => {
  const canvas = document.querySelector("#display canvas");
  return [...canvas.getContext("2d").getImageData(160, 100, 1, 1).data].slice(0, 3).join();
})()"""


def frame(second: float, *, whole: bool = False) -> bytes:
    """A frame in whose middle the colour tells the second."""
    begin = KEYFRAME + encode("size", 0, WIDTH, HEIGHT) if whole else b""
    paint = encode("rect", 0, 0, 0, WIDTH, HEIGHT) + encode("cfill", 14, 0, *colour(second), 255)
    return begin + paint + encode("sync", START + int(second * 1000))


def colour(second: float) -> tuple[int, int, int]:
    return int(second) % 256, int(second) * 7 % 256, 60


def key(keysym: int, second: float) -> bytes:
    time = START + int(second * 1000)
    return encode("key", keysym, 1, time) + encode("key", keysym, 0, time + 30)


def recorded(seconds: Iterable[float], keyframes: Iterable[float] = (0,)) -> bytes:
    return b"".join(frame(second, whole=second in keyframes) for second in seconds)


async def shows(page: Page, second: int) -> None:
    wanted = ",".join(map(str, colour(second)))
    await page.until(f"{PIXEL} === {wanted!r}", f"the picture of second {second}")


async def seek(page: Page, second: float) -> None:
    await page.run(
        f"(() => {{ const bar = document.querySelector('#position'); bar.value = {second * 1000};"
        " bar.dispatchEvent(new Event('input')) })()"
    )


@asynccontextmanager
async def opened(
    browser: Browser, directory: Path, fragment: str = "", window: Window | None = None
) -> AsyncIterator[Page]:
    sections: dict[str, Any] = {
        "websocket": {"token_keys": [KEY]},
        "recording": {"directories": [str(directory)]},
    }
    token = make_token(KEY, Grant(recordings="*"), now=time.time(), lifetime=60)
    async with running_site(**sections) as site:
        page = await browser.page(window)
        await page.goto(f"{site.origin}/recordings#token={token}{fragment}")
        yield page
        assert page.errors == []
        await page.close()


async def test_a_recording_of_the_list_is_played(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "<b>first").write_bytes(recorded(range(41)))
    (tmp_path / "second").write_bytes(recorded(range(3)))
    async with opened(browser, tmp_path) as page:
        await page.until_visible("#recordings-list tr:nth-child(2)")
        assert "token" not in await page.run("location.href")
        await page.click("#filter")
        await page.type("FIRST")
        await page.until(
            "document.querySelectorAll('#recordings-list tr').length === 1", "the filter"
        )
        assert "ann/<b>first" in await page.text("#recordings-list")
        assert "0:40" in await page.text("#recordings-list")
        await page.click("#recordings-list a")
        await shows(page, 1)
        assert await page.text("#title") == "ann/<b>first"
        await page.click("#back")
        await page.until_visible("#recordings-list tr")


async def test_a_window_of_a_phone_without_frames(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(encode("size", 0, WIDTH, HEIGHT))
    (tmp_path / f"20261129-101112-{uuid4()}").write_bytes(recorded(range(3)))
    async with opened(browser, tmp_path, "", Window(width=390, height=800)) as page:
        await page.until_visible("#recordings-list tr:nth-child(2)")
        for column in (1, 2, 3, 4):
            cell = f"#recordings-list tr:last-child td:nth-child({column})"
            place = f"document.querySelector('{cell}').getBoundingClientRect()"
            assert 0 < await page.run(f"{place}.right") <= 390, "nothing is hidden"
            assert await page.run(f"{place}.height") < 100
    async with opened(browser, tmp_path, "&name=empty", Window(width=390, height=800)) as page:
        await page.until("document.querySelector('#time').value === '0:00 / 0:00'", "the length")
        assert await page.run("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("keyframes", [(0,), range(0, 120, 10)], ids=["none", "keyframes"])
async def test_jumps(browser: Browser, tmp_path: Path, keyframes: Iterable[float]) -> None:
    (tmp_path / "long").write_bytes(recorded(range(120), keyframes))
    async with opened(browser, tmp_path, "&name=long&at=30") as page:
        await shows(page, 30)
        await page.click("#play")
        for second in (110, 35, 80, 119, 3, 0):
            await seek(page, second)
            await shows(page, second)


async def test_a_jump_goes_on_from_a_keyframe(browser: Browser, tmp_path: Path) -> None:
    """What is before it is not even read."""
    damaged = recorded(range(100)).replace(encode("cfill", 14, 0, *colour(50), 255), b"")
    (tmp_path / "long").write_bytes(damaged + recorded(range(100, 200), (100,)))
    async with opened(browser, tmp_path, "&name=long&at=150") as page:
        await shows(page, 150)


async def test_controls(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "pauses").write_bytes(recorded([0, 1, 60, 61, 140, 141]))
    async with opened(browser, tmp_path, "&name=pauses") as page:
        await shows(page, 1)
        await page.click("#skip")
        await shows(page, 60)
        await page.run(
            "(() => { const speed = document.querySelector('#speed'); speed.value = '16';"
            " speed.dispatchEvent(new Event('change')) })()"
        )
        await shows(page, 141)
        await page.until("document.querySelector('#play').ariaLabel === 'Play'", "the end")
        assert await page.text("#time") == "2:21 / 2:21"
        await page.click("#stage")
        await page.key("Home")
        await shows(page, 0)
        await page.key("End")
        await shows(page, 141)


async def test_keys(browser: Browser, tmp_path: Path) -> None:
    typed = b"".join(key(ord(character), 10) for character in "ls") + key(0xFF0D, 10)
    later = key(0x1000000 + ord("ж"), 30) + key(0xFF08, 30)
    content = recorded(range(11)) + typed + recorded(range(11, 31), ()) + later
    (tmp_path / "typed").write_bytes(content + recorded(range(31, 60), ()))
    async with opened(browser, tmp_path, "&name=typed") as page:
        await page.click("#keys-toggle")
        assert await page.text("#side-list") == "0:10\nls⏎\n0:30\nж⌫"
        await page.click("#side-list li:nth-child(2) button")
        await shows(page, 30)
        await page.until(
            "document.querySelector('#side-list li:nth-child(2) [aria-current]') !== null",
            "the mark of the current line",
        )


async def test_the_text_of_a_terminal(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "terminal").write_bytes(recorded(range(60)))
    begin = START / 1000
    text = ttyrec_of(
        (begin, "\x1b[8;24;80t"),
        (begin + 10, "$ make <all>\r\n"),
        (begin + 40, "\x1b[31mMake\x1b[0m has failed\r\n"),
    )
    (tmp_path / "terminal.ttyrec").write_bytes(text)
    async with opened(browser, tmp_path, "&name=terminal") as page:
        await page.click("#search-text")
        await page.type("make\n")
        await page.until("document.querySelector('#side-title').textContent", "the answer")
        assert await page.text("#side-list") == "0:10\n$ make <all>\n0:40\nMake has failed"
        await page.click("#side-list li:nth-child(2) button")
        await shows(page, 40)
        await page.click("#search-text")
        await page.type("s\n")
        await page.until(
            "document.querySelector('#side-title').textContent === '“makes” does not occur'",
            "the second answer",
        )


async def test_a_session_that_is_running_is_followed(browser: Browser, tmp_path: Path) -> None:
    with (tmp_path / "running").open("wb", buffering=0) as file:
        lock(file.fileno())
        file.write(recorded(range(20)))
        async with opened(browser, tmp_path) as page:
            await page.until_visible("#recordings-list tr")
            assert "Running" in await page.text("#recordings-list")
            await page.click("#recordings-list a")
            await page.until_visible("#follow")
            await page.click("#follow")
            await shows(page, 19)
            file.write(recorded(range(20, 31), ()))
            await shows(page, 30)
            assert await page.text("#live") == "Running"


async def test_damage_is_reported(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(recorded(range(5)) + b"garbage, garbage, garbage")
    async with opened(browser, tmp_path, "&name=damaged&at=4") as page:
        await shows(page, 4)
        assert "is damaged after" in await page.text("#trouble")


async def test_pictures_that_cannot_be_decoded_are_left_out(
    browser: Browser, tmp_path: Path
) -> None:
    """Neither a picture that is none, nor what is not even base64, stops the rest."""
    broken = encode_stream(encode("img", 1, 14, 0, "image/png", 0, 0), 1, b"no picture")
    worse = encode("img", 2, 14, 0, "image/png", 0, 0) + encode("blob", 2, "?") + encode("end", 2)
    frames = frame(0, whole=True) + broken + frame(1) + worse + frame(2) + frame(3)
    (tmp_path / "broken").write_bytes(frames)
    async with opened(browser, tmp_path, "&name=broken") as page:
        await shows(page, 3)
        assert await page.text("#trouble") == "A picture cannot be decoded: it is left out."


async def test_a_recording_is_downloaded(browser: Browser, tmp_path: Path) -> None:
    content = recorded(range(3))
    (tmp_path / "ann").mkdir()
    (tmp_path / "ann" / "first").write_bytes(content)
    async with opened(browser, tmp_path, "&name=ann/first") as page:
        await shows(page, 0)
        saved = tmp_path / "saved"
        await page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
        await page.click("#download")
        await until_saved(saved / "first", content)


async def test_a_recording_that_is_not_there(browser: Browser, tmp_path: Path) -> None:
    async with opened(browser, tmp_path, "&name=missing") as page:
        await page.until_visible("#trouble")
        assert "no recording" in await page.text("#trouble")
        page.errors.clear()  # the browser reports the status, too
