"""Tubes: WebRTC peer connections that carry many numbered connections.

`TubeRegistry` is the interface for asyncio. `PyTubeRegistry` and the names beside it are those of
keeper-pam-webrtc-rs, for code that was written for that. They are loaded when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guacr.tubes.compat import (
        PyCloseConnectionReason,
        PyTubeRegistry,
        initialize_logger,
        set_verbose_logging,
        shutdown_runtime_from_python,
    )
    from guacr.tubes.registry import TubeRegistry

__all__ = [
    "PyCloseConnectionReason",
    "PyTubeRegistry",
    "TubeRegistry",
    "initialize_logger",
    "set_verbose_logging",
    "shutdown_runtime_from_python",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "registry" if name == "TubeRegistry" else "compat"
    try:
        return getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"tubes need {error.name}: install guacr with the extra webrtc "
            "(pip install 'guacr[webrtc]')",
            name=error.name,
        ) from error
