"""A terminal session without a host, to measure the rest with."""

from __future__ import annotations

import asyncio

from handlers.terminal.handler import TerminalHandler
from handlers.terminal.params import TerminalParams


class ScreenHandler(TerminalHandler):
    """A terminal without a host."""

    name = "screen"
    params_type = TerminalParams

    async def run(self) -> None:
        """Stay until the session is closed."""
        self.session.set_connected()
        await asyncio.Event().wait()

    def send(self, data: bytes) -> None:
        """There is no host."""

    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        """There is no host."""
