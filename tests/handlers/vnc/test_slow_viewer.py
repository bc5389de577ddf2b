"""A viewer at 2 Mbit/s and 200 ms beside a quick one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.transfer import Link
from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from tests.handlers.vnc.test_session import connected, shows
from tests.support.waiting import until
from tests.support.x_window import Film, film, photograph, x_window
from tests.support.xvnc import Desktop

RATE, ROUND_TRIP = 250_000.0, 0.2
VIDEO, PICTURES = (320, 240), 20
"""The size of what moves, and the pictures per second."""
SHOWN = 30
"""Pictures for which the viewers are watched."""
SHARE = 0.6
"""The share of its frames that the quick viewer still has beside the slow one."""


@asynccontextmanager
async def behind_a_link(daemon: Daemon) -> AsyncIterator[tuple[str, int]]:
    """The address at the other end of a slow link to a daemon."""
    link = Link(daemon.port, ROUND_TRIP, RATE)
    async with await asyncio.start_server(link.serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[:2]


async def share(quick: GuacClient, shown: Film) -> float:
    """Return the frames of a viewer per picture of a film."""
    pictures, seen = shown.shown, quick.state.syncs
    await until(lambda: shown.shown >= pictures + SHOWN, "the pictures", timeout=30)
    return (quick.state.syncs - seen) / (shown.shown - pictures)


async def test_neither_viewer_hurts_the_other(daemon: Daemon, desktop: Desktop) -> None:
    parameters = desktop.parameters | {"disable-display-resize": "true"}
    async with connected(daemon, parameters) as quick, behind_a_link(daemon) as far:
        with x_window(desktop, VIDEO, (400, 300)) as window:
            pictures = [window.upload(photograph(seed, *VIDEO)) for seed in range(1, 5)]
            async with film(window, pictures, PICTURES) as shown:
                alone = await share(quick, shown)
            async with await GuacClient.connect(far, quick.state.ready) as slow:
                async with film(window, pictures, PICTURES) as shown:
                    await slow.wait(lambda: slow.state.syncs, "the first picture", 20)
                    seen = slow.state.syncs
                    assert await share(quick, shown) >= SHARE * alone
                    assert slow.state.syncs > seen, "it sees something, too"
                await shows(quick, desktop)
                await shows(slow, desktop)
