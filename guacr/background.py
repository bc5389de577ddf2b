"""The process in the background: what guacd does without `-f`."""

import os
from collections.abc import Callable
from typing import NoReturn

NOT_STARTED = 1
"""Exit status when the daemon ended before it was ready."""
_STARTED = b"1"


def detach() -> Callable[[], None]:
    """Go on as a daemon: no terminal, no parent that waits.

    The calling process stays until the daemon calls the function that is returned, or ends: so
    its exit status says whether the daemon has started, and errors until then reach the terminal.
    The working directory stays, since paths in the settings may be relative to it. This comes
    before threads and event loops are made.
    """
    reader, writer = os.pipe()
    if os.fork() > 0:
        os.close(writer)
        _exit_when_told(reader)
    os.close(reader)
    os.setsid()
    if os.fork() > 0:  # the child of no leader of a session cannot get a terminal again
        os._exit(0)

    def ready() -> None:
        _drop_standard_streams()
        os.write(writer, _STARTED)
        os.close(writer)

    return ready


def _exit_when_told(reader: int) -> NoReturn:
    os._exit(0 if os.read(reader, 1) == _STARTED else NOT_STARTED)


def _drop_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)
