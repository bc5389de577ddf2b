"""Synchronized output (DEC private mode 2026): half-drawn screens are not shown."""

from __future__ import annotations

from collections.abc import Callable

from guacr.api import HeldSurface
from terminal.drawing.surface import TerminalSurface
from terminal.engines.emulator import Emulator

HOLD_MAX = 0.15
"""Seconds after which a screen is shown even if the host has not completed it."""
SYNCHRONIZED = 2026


class SynchronizedOutput(HeldSurface):
    """A terminal's surface that shows nothing new while the host draws."""

    __slots__ = ("_emulator",)

    def __init__(
        self, surface: TerminalSurface, emulator: Emulator, changed: Callable[[], None]
    ) -> None:
        super().__init__(surface, HOLD_MAX, changed)
        self._emulator = emulator

    def check(self) -> None:
        """Check whether the host is drawing, after it has written something."""
        if self._emulator.mode(SYNCHRONIZED):
            self.hold()
        else:
            self.release()
