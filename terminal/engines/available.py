"""Terminal engines by name."""

from __future__ import annotations

from collections.abc import Callable

from guacr.errors import UnsupportedError
from terminal.engines.emulator import Emulator, EmulatorListener, EmulatorOptions

Engine = Callable[[EmulatorOptions, EmulatorListener], Emulator]


def engine(name: str = "auto") -> Engine:
    """The engine with a name; "auto" is libghostty's if it is installed, otherwise pyte's.

    Raises:
        UnsupportedError: the engine is not installed, or the name is unknown.
    """
    if name not in _ENGINES:
        raise UnsupportedError(f"terminal engine {name} is unknown: use auto")
    try:
        return _ENGINES[name]()
    except ImportError as error:
        raise UnsupportedError(
            f"terminal engine {name} is not installed: install pyghostty, "
            "which has wheels for Linux and macOS, or use auto"
        ) from error


def _ghostty() -> Engine:
    from terminal.engines.ghostty.emulator import GhosttyEmulator

    return GhosttyEmulator


def _pyte() -> Engine:
    from terminal.engines.pyte.emulator import PyteEmulator

    return PyteEmulator


def _best() -> Engine:
    try:
        return _ghostty()
    except ImportError:
        return _pyte()


_ENGINES: dict[str, Callable[[], Engine]] = {"auto": _best, "ghostty": _ghostty, "pyte": _pyte}
