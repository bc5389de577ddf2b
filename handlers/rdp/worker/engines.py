"""Loads the engine that the setting `rdp.engine` asks for."""

from __future__ import annotations

from collections.abc import Callable

from handlers.rdp.worker.client import Engine, UnavailableError

AUTO, FREERDP, AARDWOLF = "auto", "freerdp", "aardwolf"


def load(name: str) -> Engine:
    """Return an engine by its name, or the first one that can be used. Only its own libraries are
    loaded.

    Raises:
        UnavailableError: it cannot be used.
    """
    if name != AUTO:
        return _LOADERS[name]()
    reasons = []
    for loader in _LOADERS.values():
        try:
            return loader()
        except UnavailableError as error:
            reasons.append(str(error))
    raise UnavailableError("; ".join(reasons))


def _load_freerdp() -> Engine:
    from handlers.rdp.freerdp.engine import load as found

    return found()


def _load_aardwolf() -> Engine:
    from handlers.rdp.aardwolf.engine import load as found

    return found()


_LOADERS: dict[str, Callable[[], Engine]] = {FREERDP: _load_freerdp, AARDWOLF: _load_aardwolf}
"""In the order in which they are tried."""
