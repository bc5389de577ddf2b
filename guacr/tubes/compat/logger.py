"""The log of tubes: the records go to the logger "guacr.tubes" and those below it."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("guacr.tubes")
_ICE_LOGGER = logging.getLogger("aioice")
"""It has a line for each step of each check, at the level of what others say once."""


def initialize_logger(logger_name: str, verbose: bool | None = None, level: int = 20) -> None:
    """Set the level of what is logged.

    Args:
        logger_name: ignored, as the names of Python's loggers are known.
        verbose: True for everything.
        level: of the module `logging`.
    """
    _LOGGER.setLevel(logging.DEBUG if verbose else level)
    _ICE_LOGGER.setLevel(logging.DEBUG if verbose else max(level, logging.WARNING))


def set_verbose_logging(enabled: bool) -> None:
    """Log everything, or what the root logger says."""
    _LOGGER.setLevel(logging.DEBUG if enabled else logging.NOTSET)
    _ICE_LOGGER.setLevel(logging.DEBUG if enabled else logging.WARNING)
