"""The process in the background, as guacd runs without `-f`.

Init scripts stop a daemon by the number in its pid file, check a moment later whether that process
has ended, and only then start the next one. Sessions take longer to end. So the pid file contains
the number of a small process beside the daemon, which ends as soon as it receives a signal; the
daemon notices this, frees its ports, and shuts down in order.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from guacr.process import stand_in
from guacr.standard_streams import drop_standard_streams

NOT_STARTED = 1
"""The exit status if the daemon ended before it was ready."""
_STARTED = b"1"


@dataclass(frozen=True, slots=True)
class Detached:
    """The daemon's connections to its starter and to the small process."""

    ready: Callable[[], None]
    """Must be called once the daemon listens."""
    pid: int
    """The number for the pid file, of the process that receives signals."""
    life: int
    """A file descriptor that becomes readable when the daemon has to end."""


def detach() -> Detached:
    """Continue as a daemon: without a terminal, and without a waiting parent.

    The calling process stays until the daemon is ready or has ended. Its exit status then says
    whether the daemon has started, and errors before that reach the terminal. The working directory
    is kept, since paths in the settings may be relative to it. Call this before threads and event
    loops are created.
    """
    reader, writer = os.pipe()
    if os.fork() > 0:
        os.close(writer)
        _exit_when_told(reader)
    os.close(reader)
    os.setsid()
    life, held = os.pipe()
    child = os.fork()
    if child > 0:
        os.close(writer)
        os.close(life)
        _stand_for(child, held)
    os.close(held)

    def ready() -> None:
        drop_standard_streams()
        os.write(writer, _STARTED)
        os.close(writer)

    return Detached(ready, os.getppid(), life)


def _exit_when_told(reader: int) -> NoReturn:
    os._exit(0 if os.read(reader, 1) == _STARTED else NOT_STARTED)


def _stand_for(child: int, held: int) -> NoReturn:
    """Become the small process, which keeps `held` open as long as it lives."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])  # until there is a handler for it
    os.set_inheritable(held, True)
    drop_standard_streams()
    program = [sys.executable, "-I", "-S", stand_in.__file__, str(child)]
    os.execv(sys.executable, program)  # noqa: S606 - nothing of it comes from outside
