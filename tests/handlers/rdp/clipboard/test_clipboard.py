"""The clipboard in both directions, with xrdp; limits, and what is asked for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from subprocess import CalledProcessError

import pytest
from PIL import Image

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import local_settings, running_daemon
from handlers.rdp.handler import RdpHandler
from tests.handlers.rdp.sessions import connected, each_engine
from tests.support.waiting import until
from tests.support.x_display import XDisplay
from tests.support.xrdp import Xrdp

TEXT = "Grüße, мир, 世界\nzweite Zeile"
"""Without an emoji: xrdp knows only the characters of one UTF-16 unit."""
LONG = "".join(f"line {number}\n" for number in range(10_000))
"""More than one part of a message; in ASCII, as xrdp provides long texts only in Latin-1."""
LIMIT = 262_144


def copy(display: XDisplay, directory: Path, text: str) -> None:
    """Copy a text on the display."""
    path = directory / "text"
    path.write_text(text, newline="")
    display.start("xclip", "-quiet", "-selection", "clipboard", "-in", str(path))


def pasted(display: XDisplay) -> str:
    """Return the text that would be pasted on the display."""
    try:
        text = display.run("xclip", "-selection", "clipboard", "-target", "UTF8_STRING", "-out")
        # it is Latin-1 if xrdp has none yet, and ends with a NUL if it is long
        return text.decode(errors="replace").rstrip("\0")
    except CalledProcessError:  # nothing has been copied
        return ""


async def pastes(display: XDisplay, text: str) -> None:
    async with asyncio.timeout(20):
        while await asyncio.to_thread(pasted, display) != text:  # noqa: ASYNC110 - it does not tell
            await asyncio.sleep(0.05)


async def copied(client: GuacClient, text: str) -> None:
    """Wait until the host's text has arrived last."""
    wanted = ("text/plain", text.encode())
    await client.wait(lambda: client.state.clipboards[-1:] == [wanted], "the host's text")


@each_engine
async def test_text_in_both_directions(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    async with connected(daemon, xrdp.parameters()) as client:
        display = await xrdp.display()
        for mine, theirs in ((TEXT, TEXT[::-1]), (LONG, LONG[::-1])):
            client.clipboard(mine)
            await pastes(display, mine)
            copy(display, tmp_path, theirs)
            await copied(client, theirs)
        client.clipboard("last")
        await pastes(display, "last")
        assert len(client.state.clipboards) == 2


@each_engine
async def test_an_image_in_both_directions(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    picture = Image.effect_noise((90, 60), 90).convert("RGB")
    picture.save(tmp_path / "there.bmp")
    picture.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "mine.png")
    hello = Hello(clipboard=("text/html", "image/png"))
    async with connected(daemon, xrdp.parameters(), hello) as client:
        display = await xrdp.display()
        client.clipboard("text first")
        await pastes(display, "text first")
        display.start(
            *("xclip", "-quiet", "-selection", "clipboard", "-target", "image/bmp"),
            *("-in", str(tmp_path / "there.bmp")),
        )
        await client.wait(lambda: client.state.clipboards, "the host's image")
        ((mimetype, data),) = client.state.clipboards
        assert mimetype == "image/png"
        assert Image.open(BytesIO(data)).convert("RGB").tobytes() == picture.tobytes()
        mine = (tmp_path / "mine.png").read_bytes()
        client.stream("clipboard", "image/png", data=mine)
        wanted = Image.open(BytesIO(mine)).tobytes()

        def pasted_image() -> bytes:
            out = ("xclip", "-selection", "clipboard", "-target", "image/bmp", "-out")
            with suppress(CalledProcessError, OSError):
                return Image.open(BytesIO(display.run(*out))).convert("RGB").tobytes()
            return b""

        async with asyncio.timeout(20):
            while await asyncio.to_thread(pasted_image) != wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_users_text_outlasts_the_connection(daemon: Daemon, xrdp: Xrdp) -> None:
    async with connected(daemon, xrdp.parameters(), resize_method="reconnect") as client:
        await client.wait(lambda: client.canvas.size == (1024, 768), "the first size")
        display = await xrdp.display()
        client.clipboard(TEXT)
        client.size(800, 600)
        await client.wait(lambda: client.canvas.size == (800, 600), "the next connection", 30)
        await pastes(display, TEXT)


@pytest.mark.usefixtures("zygote")
async def test_a_text_beyond_the_limit(
    xrdp: Xrdp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = local_settings(session={"max_clipboard": LIMIT})
    async with (
        running_daemon(RdpHandler, settings=settings) as daemon,
        connected(daemon, xrdp.parameters()) as client,
    ):
        display = await xrdp.display()
        client.clipboard("a")
        await pastes(display, "a")
        copy(display, tmp_path, "x" * (LIMIT + 1))
        await until(lambda: "was dropped" in caplog.text or client.state.clipboards, "news")
        assert not client.state.clipboards
        copy(display, tmp_path, "x" * LIMIT)
        await copied(client, "x" * LIMIT)


@each_engine
async def test_nobody_may_copy(daemon: Daemon, xrdp: Xrdp, tmp_path: Path) -> None:
    async with connected(daemon, xrdp.parameters(), disable_copy="true") as client:
        display = await xrdp.display()
        copy(display, tmp_path, "secret")
        await pastes(display, "secret")
        client.clipboard(TEXT)
        await pastes(display, TEXT)
        assert not client.state.clipboards


@pytest.mark.parametrize(
    ("line_ends", "there", "back"),
    [("preserve", "a\nb", "a\r\nb"), ("unix", "a\nb", "a\nb"), ("windows", "a\r\nb", "a\nb")],
)
async def test_line_ends(
    line_ends: str, there: str, back: str, daemon: Daemon, xrdp: Xrdp, tmp_path: Path
) -> None:
    async with connected(daemon, xrdp.parameters(), normalize_clipboard=line_ends) as client:
        display = await xrdp.display()
        client.clipboard("a\nb")
        await pastes(display, there)
        copy(display, tmp_path, "a\r\nb")
        await copied(client, back)
