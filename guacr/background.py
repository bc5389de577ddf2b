"""The process in the background: what guacd does without `-f`.

Init scripts stop a daemon by the number in its pid file, look a moment later whether that process
is gone, and only then start the next one. Sessions take longer to end than that. So the number is
that of a small process beside the daemon, which ends at once when it is told to; the daemon
notices, frees its ports, and ends in order.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

NOT_STARTED = 1
"""Exit status when the daemon ended before it was ready."""
_STARTED = b"1"


@dataclass(frozen=True, slots=True)
class Detached:
    """The daemon's side of being in the background."""

    ready: Callable[[], None]
    """To be called once the daemon listens."""
    pid: int
    """For the pid file: who is told to stop."""
    life: int
    """A file descriptor that can be read once the daemon has to end."""


def detach() -> Detached:
    """Go on as a daemon: no terminal, no parent that waits.

    The calling process stays until the daemon says that it is ready, or ends: so its exit status
    says whether the daemon has started, and errors until then reach the terminal. The working
    directory stays, since paths in the settings may be relative to it. This comes before threads
    and event loops are made.
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
        _stand_for(child)
    os.close(held)

    def ready() -> None:
        _drop_standard_streams()
        os.write(writer, _STARTED)
        os.close(writer)

    return Detached(ready, os.getppid(), life)


def _exit_when_told(reader: int) -> NoReturn:
    os._exit(0 if os.read(reader, 1) == _STARTED else NOT_STARTED)


def _stand_for(child: int) -> NoReturn:
    """Live as long as the daemon. SIGTERM ends this process at once, and with it the pipe that the
    daemon watches; SIGHUP is passed on."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, lambda *_: os.kill(child, signal.SIGHUP))
    _drop_standard_streams()
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _drop_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
