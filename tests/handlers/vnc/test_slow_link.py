"""A server behind a link of 1 Mbit/s and 300 ms."""

from __future__ import annotations

import asyncio
import socket
import statistics

import numpy as np
import pytest
from numpy.typing import NDArray

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers import notice
from handlers.vnc import handler
from tests.handlers.vnc.test_session import shows
from tests.support.freed import freed
from tests.support.slow_link import FAR, SlowLink, slow_link
from tests.support.waiting import until
from tests.support.x_window import film, photograph, x_window
from tests.support.xvnc import Desktop, xvnc

RATE, ROUND_TRIP = 125_000.0, 0.3
KEYS = 3
ECHO_MAX, ECHO_MOVING_MAX = 2.0, 5.0
"""Seconds from a key to its effect, the median: while the picture rests, and while photographs of
the whole screen move. Without JPEG, each of them takes the link 6 s."""
SIZE, PHOTO = (640, 480), 128
TERMINAL = (slice(20, 100), slice(300, 600))


def use(link: SlowLink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sessions connect through a link."""

    async def reach(network: object, host: str, port: int, *_: object) -> socket.socket:
        return await link.connect(host, port)

    monkeypatch.setattr(handler, "reach", reach)


def terminal(client: GuacClient) -> NDArray[np.int16]:
    """What is shown of the window in which keys are typed."""
    return client.canvas.flatten()[TERMINAL].astype(np.int16)


async def echo(client: GuacClient) -> float:
    """Type letters, and return the seconds until one is shown."""
    loop, taken = asyncio.get_running_loop(), []
    for _ in range(KEYS):
        before, typed = terminal(client), loop.time()
        client.type("x")
        await client.wait(lambda: np.abs(terminal(client) - before).max() > 100, "the letter", 30)  # noqa: B023
        taken.append(loop.time() - typed)
    return statistics.median(taken)


async def show_terminal(client: GuacClient, desktop: Desktop) -> None:
    cat = ["sh", "-c", "stty -icanon; exec cat"]
    desktop.start("xterm", "-geometry", "50x6+300+20", "-fn", "fixed", "-e", *cat)
    await client.wait(lambda: np.median(terminal(client)) > 200, "the terminal", 30)
    client.mouse(400, 60)


async def test_a_desktop_behind_a_slow_link(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    monkeypatch.setattr(notice.Notice, "show", lambda self, text: notices.append(text))
    async with (
        slow_link(RATE, ROUND_TRIP) as link,
        xvnc(size=SIZE, address=FAR, port=5900, namespace=link.far) as desktop,
        freed(daemon.registry),
    ):
        use(link, monkeypatch)
        parameters = desktop.parameters | {
            "disable-display-resize": "true",
            "server-alive-interval": "2",
        }
        client = await GuacClient.connect(address(daemon), "vnc", parameters)
        await client.wait(lambda: client.state.syncs, "the desktop")
        client.mouse(1, 1)
        with x_window(desktop, (PHOTO, PHOTO)) as still, x_window(desktop, SIZE) as moving:
            still.show(still.upload(photograph(1, PHOTO, PHOTO)))
            await client.wait(
                lambda: client.canvas.flatten()[:PHOTO, :PHOTO].std() > 20, "the photo"
            )
            await shows(client, desktop)
            pictures = [moving.upload(photograph(seed, *SIZE)) for seed in range(2, 10)]
            async with film(moving, pictures, 20):
                await client.wait(lambda: client.canvas.flatten()[300:].std() > 20, "the motion")
                await show_terminal(client, desktop)
                assert await echo(client) < ECHO_MOVING_MAX
        await shows(client, desktop)
        assert await echo(client) < ECHO_MAX
        await shows(client, desktop)
        assert notices == []
        await client.close(politely=True)
        await until(lambda: not daemon.registry.sessions, "the end")
    assert not client.state.errors
