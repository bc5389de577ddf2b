"""Finding fonts by name without delaying a session, since fontconfig is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from guacr.api import TerminalSettings
from terminal.drawing.fonts import FontFamily, find_family, is_found

BUNDLED = Path(str(files("guacr.web") / "vendor"))
"""Contains a monospace font, added by the build, for machines without one."""


def directories(settings: TerminalSettings) -> tuple[Path, ...]:
    """Return the directories that are searched for fonts, besides those of the system."""
    bundled = (BUNDLED,) if BUNDLED.is_dir() else ()
    return (*settings.font_dirs, *bundled)


class FontFinder:
    """Finds font families on a thread; `use` is called with the name of the last requested one as
    soon as it is available."""

    __slots__ = ("_closed", "_directories", "_fallback", "_use", "_wanted")

    def __init__(self, settings: TerminalSettings, use: Callable[[str], None]) -> None:
        self._directories = directories(settings)
        self._fallback = settings.font_name
        self._use = use
        self._wanted = ""
        self._closed = False

    def want(self, name: str, meanwhile: str = "") -> str:
        """Return the family to use now: the requested one if it is available; otherwise
        `meanwhile`, or the daemon's default, until `use` is called."""
        self._wanted = name
        if is_found(name, self._directories):
            return name
        loop = asyncio.get_running_loop()
        search = loop.run_in_executor(None, find_family, name, self._directories)
        search.add_done_callback(lambda done: self._found(name, done))
        return meanwhile or self._fallback

    def close(self) -> None:
        """Stop calling `use`."""
        self._closed = True

    def _found(self, name: str, done: asyncio.Future[FontFamily]) -> None:
        failed = done.cancelled() or done.exception() is not None
        if name == self._wanted and not (failed or self._closed):
            self._use(name)
