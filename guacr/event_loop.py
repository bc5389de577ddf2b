"""The event loop of a process, and the end of the process."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import NoReturn

from guacr.threads import WAITING_MAX


def loop_factory(threads: int = WAITING_MAX) -> type[asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop if it is installed; it resolves names in so many threads, all of
    which it creates with the first name."""
    try:
        import uvloop
    except ImportError:
        return None
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(threads))
    loop: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return loop


def leave() -> NoReturn:
    """Exit immediately. Python would first wait for every thread, including those that wait for a
    name server or a Kerberos realm that does not answer."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
