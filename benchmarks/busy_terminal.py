"""A terminal whose screen changes 30 times a second, without a host."""

from __future__ import annotations

import asyncio

from benchmarks.screen import ScreenHandler

RATE = 30
ROWS, COLUMNS = 39, 98


class BusyHandler(ScreenHandler):
    """Prints whole screens, each different from the one before."""

    name = "busy"

    async def run(self) -> None:
        """Print until the session is closed."""
        self.session.set_connected()
        number = 0
        while True:
            self.feed(_screen(number))
            number += 1
            await asyncio.sleep(1 / RATE)


def _screen(number: int) -> bytes:
    letters = bytes(33 + (number + n) % 90 for n in range(COLUMNS + ROWS))
    return b"\x1b[H" + b"\r\n".join(letters[row : row + COLUMNS] for row in range(ROWS))
