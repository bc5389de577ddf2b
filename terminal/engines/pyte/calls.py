"""Calls of a pyte terminal to its listener, and through it to the host."""

from __future__ import annotations

from collections.abc import Callable

from terminal.engines.emulator import EmulatorListener


class Calls:
    """Calls the terminal's listener, whose exceptions are kept for the emulator to raise."""

    def __init__(self, listener: EmulatorListener) -> None:
        self.listener = listener
        self._error: Exception | None = None

    def tell(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function; the first exception is kept."""
        try:
            function(*arguments)
        except Exception as error:  # noqa: BLE001 - raise_kept raises it
            self._error = self._error or error

    def send(self, text: str) -> None:
        """Reply to the host."""
        self.tell(self.listener.reply, text.encode())

    def raise_kept(self) -> None:
        """Raise the exception that was kept, if any."""
        error, self._error = self._error, None
        if error is not None:
            raise error
