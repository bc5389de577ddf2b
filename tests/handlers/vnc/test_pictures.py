"""Pictures that move on a real desktop: how alike they are, what is around them, and what stays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.daemon import Daemon
from guacr.session.frames import frames
from guacr.testing.client import GuacClient
from handlers.vnc import desktop as desktops
from tests.handlers.vnc.test_session import connected, show_something, shows
from tests.support.ssim import ssim
from tests.support.x_window import film, photograph, x_window
from tests.support.xvnc import Desktop, xvnc

Picture = NDArray[np.uint8]
FRAMES = 10
VIDEO = (320, 240)
AT = (470, 350)
"""Where it is: not above the terminal."""


@pytest.fixture(autouse=True)
def whole_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show no update in parts, however long a busy machine takes for it."""
    monkeypatch.setattr(desktops, "HOLD_MAX", 5.0)


def types_of(client: GuacClient) -> list[str]:
    """The types of the last images, the newest last."""
    return [received.args[3] for received in client.history if received.opcode == "img"]


def likenesses(shown: Picture, pictures: Sequence[Picture]) -> NDArray[np.float64]:
    """How alike each quarter of a picture is to those of others: (quarters, pictures)."""
    height, width = (side // 2 for side in shown.shape[:2])
    places = [(y, x) for y in (0, height) for x in (0, width)]
    return np.array(
        [
            [ssim(shown[y : y + height, x : x + width], each[y : y + height, x : x + width])
             for each in pictures]
            for y, x in places
        ]
    )  # fmt: skip


def corners(picture: Picture) -> Picture:
    """The corners of a picture, side by side."""
    side = 64
    ends = (slice(None, side), slice(-side, None))
    return np.vstack([np.hstack([picture[y, x] for x in ends]) for y in ends])


@pytest.mark.parametrize(("quality", "least"), [("lossless", 1.0), ("", 0.75), ("low", 0.7)])
async def test_a_video_beside_text(
    daemon: Daemon,
    desktop: Desktop,
    quality: str,
    least: float,
) -> None:
    pictures = [photograph(seed, *VIDEO) for seed in range(1, 5)]
    parameters = {"disable-display-resize": "true", "picture-quality": quality}
    await show_something(desktop)
    async with connected(daemon, desktop.parameters | parameters) as client:
        await shows(client, desktop)
        around = client.canvas.flatten()
        place = (slice(AT[1], AT[1] + VIDEO[1]), slice(AT[0], AT[0] + VIDEO[0]))
        with x_window(desktop, VIDEO, AT) as window:
            async with film(window, [window.upload(each) for each in pictures], 20):
                await client.wait(
                    lambda: likenesses(client.canvas.flatten()[place], pictures).max() > 0.5, "it"
                )
                for _ in range(FRAMES):
                    await client.frame()
                    shown = client.canvas.flatten()
                    found = likenesses(shown[place], pictures)
                    assert len(set(found.argmax(1))) == 1, "one picture"
                    assert found.max(1).min() >= least - 1e-9
                    shown[place] = around[place]
                    assert (shown == around).all(), "around it"
            if not quality:
                await shows(client, desktop)


async def test_a_video_has_fewer_bytes_unless_its_quality_is_chosen(
    daemon: Daemon, desktop: Desktop
) -> None:
    pictures = [photograph(seed, *VIDEO) for seed in range(1, 5)]
    sizes: dict[str, float] = {}
    for level in ("", "5"):
        parameters = {"disable-display-resize": "true", "quality-level": level}
        with x_window(desktop, VIDEO, AT) as window:
            async with (
                connected(daemon, desktop.parameters | parameters) as client,
                film(window, [window.upload(each) for each in pictures], 20),
            ):
                for _ in range(FRAMES):
                    await client.frame()
                for _ in range(FRAMES):
                    before, frames = client.received, client.state.syncs
                    await client.frame()
                    size = (client.received - before) / (client.state.syncs - frames)
                    sizes[level] = max(sizes.get(level, 0.0), size)
    assert sizes[""] < 0.75 * sizes["5"], sizes


async def test_a_dragged_photograph_leaves_no_trail(daemon: Daemon, desktop: Desktop) -> None:
    parameters = desktop.parameters | {"disable-display-resize": "true"}
    with x_window(desktop, (800, 600)) as ground, x_window(desktop, (240, 180)) as dragged:
        ground.show(ground.upload(photograph(1, 800, 600)))
        dragged.show(dragged.upload(photograph(2, 240, 180)))
        async with connected(daemon, parameters) as client:
            for step in range(40):
                angle = step / 7
                dragged.move(round(280 + 250 * math.sin(angle)), round(210 + 190 * math.cos(angle)))
                await client.frame()
            assert "image/jpeg" in types_of(client)
            await shows(client, desktop)


@pytest.mark.parametrize("encodings", ["", "zrle"])
async def test_a_film_of_the_whole_screen_is_not_sent_as_png(
    daemon: Daemon, encodings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "REFINE_DELAY", 30.0)  # on a busy machine it rests between two
    size = (1280, 720)
    async with xvnc(size=size) as desktop:
        parameters = {"disable-display-resize": "true", "encodings": encodings}
        with x_window(desktop, size) as window:
            pictures = [photograph(seed, *size) for seed in (1, 2)]
            numbers = [window.upload(each) for each in pictures]
            window.show(numbers[0])
            async with connected(daemon, desktop.parameters | parameters) as client:
                await client.wait(lambda: client.canvas.flatten().std() > 20, "the first picture")
                client.history.clear()
                async with film(window, numbers, 10):
                    for _ in range(FRAMES):
                        await client.frame(20)
                        shown = corners(client.canvas.flatten())
                        found = likenesses(shown, [corners(each) for each in pictures])
                        assert len(set(found.argmax(1))) == 1, "one picture"
                types = Counter(types_of(client))
                assert types["image/jpeg"] > 2 * types["image/png"], "dark tiles may be exact"


async def test_text_is_never_lossy(daemon: Daemon, desktop: Desktop) -> None:
    lines = "seq 3000; stty -icanon; exec cat"
    with x_window(desktop, (800, 600)) as ground:
        ground.show(ground.upload(photograph(1, 800, 600)))
        parameters = desktop.parameters | {"disable-display-resize": "true"}
        async with connected(daemon, parameters) as client:
            await shows(client, desktop)
            client.history.clear()
            desktop.start("xterm", "-geometry", "80x24+30+40", "-e", "sh", "-c", lines)
            await client.wait(lambda: np.median(client.canvas.flatten()[60:300, 60:400]) > 200)
            await shows(client, desktop)
            client.mouse(100, 100)
            for letter in "text":
                client.type(letter)
                await client.frame()
                await shows(client, desktop)
            assert set(types_of(client)) == {"image/png"}
