"""A terminal session without a host, to measure the rest with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from guacr.session.params import Params
from handlers.terminal import params as shared
from handlers.terminal.handler import TerminalHandler


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenParams(Params):
    """The terminal's own parameters."""

    font_name: str = shared.font_name()
    font_size: int = shared.font_size()
    color_scheme: str = shared.color_scheme()
    terminal_type: str = shared.terminal_type()
    func_keys_and_keypad: str = shared.func_keys_and_keypad()
    backspace: int = shared.backspace()
    scrollback: int = shared.scrollback()


class ScreenHandler(TerminalHandler):
    """A terminal without a host."""

    name = "screen"
    params_type = ScreenParams

    async def run(self) -> None:
        """Stay until the session is closed."""
        await asyncio.Event().wait()

    def send(self, data: bytes) -> None:
        """There is no host."""

    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        """There is no host."""
