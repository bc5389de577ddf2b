"""The log of tubes, as callers of keeper-pam-webrtc-rs expect it: on its loggers."""

from __future__ import annotations

import logging
from copy import copy

from typing_extensions import override

NAME = "keeper_pam_webrtc_rs"
"""The logger whose level, handlers and children callers set."""

_LOGGER = logging.getLogger("guacr.tubes")
_ICE_LOGGER = logging.getLogger("aioice")
"""It has a line for each step of each check, at the level of what others say once."""


class _Forwarder(logging.Handler):
    """Passes the records of tubes to the loggers of the other name."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        logger = logging.getLogger(NAME + record.name.removeprefix(_LOGGER.name))
        if logger.isEnabledFor(record.levelno):
            passed = copy(record)
            passed.name = logger.name
            logger.handle(passed)


_forwarder = _Forwarder()


def initialize_logger(logger_name: str, verbose: bool | None = None, level: int = 20) -> None:
    """Set the level of what is logged. From now on, the logger "keeper_pam_webrtc_rs" and those
    below it get the records of "guacr.tubes" and those below that.

    Args:
        logger_name: ignored, as by keeper-pam-webrtc-rs.
        verbose: True for everything.
        level: of the module `logging`.
    """
    if _forwarder not in _LOGGER.handlers:
        _LOGGER.addHandler(_forwarder)
        _LOGGER.propagate = False
    _LOGGER.setLevel(logging.DEBUG if verbose else level)
    _ICE_LOGGER.setLevel(logging.DEBUG if verbose else max(level, logging.WARNING))


def set_verbose_logging(enabled: bool) -> None:
    """Log everything, or what the root logger says."""
    _LOGGER.setLevel(logging.DEBUG if enabled else logging.NOTSET)
    _ICE_LOGGER.setLevel(logging.DEBUG if enabled else logging.WARNING)
