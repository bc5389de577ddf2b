"""The configuration of the process's log, which tests leave as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from guacr.log import LIBRARIES


@contextmanager
def unchanged_logging() -> Iterator[None]:
    """Undo what the block configures with `guacr.log.configure`."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = [(one, one.level) for one in map(logging.getLogger, LIBRARIES)]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
        for logger, before in levels:
            logger.setLevel(before)
