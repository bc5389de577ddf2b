"""A moving picture over a slow link: frames a second, and how late the pointer's mark appears."""

from __future__ import annotations

import asyncio
import statistics
from typing import ClassVar

import numpy as np

from benchmarks.table import print_table
from benchmarks.transfer import connected
from guacr.api import FrameBuffer, Params, ProtocolHandler, Rect, User

RATE, ROUND_TRIP = 250_000.0, 0.2
"""Bytes a second, and seconds."""
PATCH = Rect(64, 64, 640, 360)
PICTURES = 30
"""A second."""
MOVES = 20
MARK = 12
"""Pixels along the edge of the mark."""


class PatchHandler(ProtocolHandler[Params]):
    """A white screen with a patch that moves like a video, and a mark at the pointer."""

    name: ClassVar[str] = "patch"
    params_type: ClassVar[type[Params]] = Params

    async def run(self) -> None:
        """Draw pictures until the session ends."""
        self.surface = FrameBuffer(1024, 768, self.session.memory)
        self.surface.fill(Rect(0, 0, 1024, 768), (255, 255, 255))
        self.session.display.set_surface(self.surface)
        self.session.set_connected()
        chance = np.random.default_rng(1)
        y, x = np.mgrid[: PATCH.height, : PATCH.width]
        for step in range(1 << 30):
            colours = [128 + 90 * np.sin((x + k * y) / (40 + 9 * k) + step / 9) for k in range(4)]
            picture = np.stack(colours, axis=2) + chance.integers(0, 12, (*x.shape, 4))
            self.surface.blit(PATCH, picture.astype(np.uint8))
            self.session.changed()
            await asyncio.sleep(1 / PICTURES)

    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        """Draw the mark, in a colour of its own for each place."""
        self.surface.fill(Rect(x, y, MARK, MARK), (x % 200, y % 200, 0))
        self.session.changed_by_input()


async def measure() -> tuple[float, list[float]]:
    """Return the frames a second, and the seconds that each mark took."""
    delays: list[float] = []
    async with connected(ROUND_TRIP, RATE, PatchHandler, paint=True) as (client, _):
        await asyncio.sleep(3)
        loop = asyncio.get_running_loop()
        begun, frames = loop.time(), client.state.syncs
        for number in range(MOVES):
            x, y, sent = 800 + number * 5, 100 + number * 30, loop.time()
            client.mouse(x, y)
            while client.canvas.flatten()[y, x].tolist() != [x % 200, y % 200, 0]:
                await client.frame()
            delays.append(loop.time() - sent)
            await asyncio.sleep(0.25)
        rate = (client.state.syncs - frames) / (loop.time() - begun)
    return rate, delays


def main() -> None:
    """Measure and print."""
    rate, delays = asyncio.run(measure())
    row = ["640x360 at 30/s", rate, 1e3 * statistics.median(delays), 1e3 * max(delays)]
    heads = ["", "frames/s", "pointer's mark, ms: median", "most"]
    print_table("Link: 2 Mbit/s with a round trip of 200 ms", heads, [row])
