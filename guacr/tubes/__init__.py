"""Tubes: WebRTC peer connections that carry many numbered connections.

`TubeRegistry` is the interface for asyncio, with the other names of `guacr.tubes.api`.
`PyTubeRegistry` and the names beside it are those of keeper-pam-webrtc-rs, for code that was
written for that. Everything is loaded when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guacr.tubes.api import *  # noqa: F403
    from guacr.tubes.compat import *  # noqa: F403

_COMPATIBLE = (
    "PyCloseConnectionReason",
    "PyTubeRegistry",
    "initialize_logger",
    "set_verbose_logging",
    "shutdown_runtime_from_python",
)


def __getattr__(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "compat" if name in _COMPATIBLE else "api"
    try:
        return getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"tubes need {error.name}: install guacr with the extra webrtc "
            "(pip install 'guacr[webrtc]')",
            name=error.name,
        ) from error
