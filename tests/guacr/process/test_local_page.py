"""A page for this user on this machine."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import pytest
from yarl import URL

from guacr.process import local_page


@pytest.mark.parametrize(
    ("platform", "environment", "opens"),
    [
        ("darwin", {}, True),
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
    ],
)
def test_a_browser_is_opened_where_there_is_a_desktop(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], opens: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert local_page._has_desktop() is opens


async def test_the_browser_is_led_to_the_page_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(
        "webbrowser.open",
        lambda url: loop.call_soon_threadsafe(opened.put_nowait, url),
    )
    address = "http://127.0.0.1:9/?secret=hidden"
    task = asyncio.create_task(local_page._open_browser(address))
    door = URL(await opened.get())
    assert "hidden" not in str(door)
    async with aiohttp.ClientSession() as browser:
        with pytest.raises(aiohttp.ClientError):
            await browser.get(door.with_path("/guess"))
        async with browser.get(door, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, address)
        await task
        with pytest.raises(aiohttp.ClientError):
            await browser.get(door)
