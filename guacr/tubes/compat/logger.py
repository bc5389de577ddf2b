"""The log of tubes: the records go to the logger "guacr.tubes" and those below it."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("guacr.tubes")


def initialize_logger(logger_name: str, verbose: bool | None = None, level: int = 20) -> None:
    """Set the level of what is logged.

    Args:
        logger_name: ignored, as the names of Python's loggers are known.
        verbose: True for everything.
        level: of the module `logging`.
    """
    _LOGGER.setLevel(logging.DEBUG if verbose else level)


def set_verbose_logging(enabled: bool) -> None:
    """Log everything, or what the root logger says."""
    _LOGGER.setLevel(logging.DEBUG if enabled else logging.NOTSET)
