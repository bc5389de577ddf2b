"""Fonts by name, found without making anybody wait: fontconfig takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from guacr.settings import TerminalSettings
from terminal.fonts import FontFamily, find_family, is_found

BUNDLED = Path(str(files("guacr.web") / "vendor"))
"""The build puts a monospace font there, for machines that have none."""


def directories(settings: TerminalSettings) -> tuple[Path, ...]:
    """Where fonts are looked for besides the system's directories."""
    bundled = (BUNDLED,) if BUNDLED.is_dir() else ()
    return (*settings.font_dirs, *bundled)


class FontFinder:
    """Has families found on a thread; `use` is called with the name of the last one wanted as
    soon as it is at hand."""

    __slots__ = ("_closed", "_directories", "_fallback", "_use", "_wanted")

    def __init__(self, settings: TerminalSettings, use: Callable[[str], None]) -> None:
        self._directories = directories(settings)
        self._fallback = settings.font_name
        self._use = use
        self._wanted = ""
        self._closed = False

    def want(self, name: str, meanwhile: str = "") -> str:
        """The family to go on with: the one of that name if it is at hand; otherwise
        `meanwhile`, or the daemon's own, until `use` is called."""
        self._wanted = name
        if is_found(name, self._directories):
            return name
        loop = asyncio.get_running_loop()
        search = loop.run_in_executor(None, find_family, name, self._directories)
        search.add_done_callback(lambda done: self._found(name, done))
        return meanwhile or self._fallback

    def close(self) -> None:
        """Call nobody any more."""
        self._closed = True

    def _found(self, name: str, done: asyncio.Future[FontFamily]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if name == self._wanted and not (failed or self._closed):
            self._use(name)
