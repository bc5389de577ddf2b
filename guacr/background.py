"""The process in the background, and its pid file: what guacd does without `-f`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from guacr.errors import SettingsError

PID_FILE_MODE = 0o644
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


@contextmanager
def pid_file(path: Path | None) -> Iterator[None]:
    """Have the process id in the file at `path`, if there is one, while the body runs.

    Raises:
        SettingsError: the file cannot be written.
    """
    if path is None:
        yield
        return
    own = f"{os.getpid()}\n"
    try:
        path.write_text(own)
        path.chmod(PID_FILE_MODE)
    except OSError as error:
        raise SettingsError(
            f"daemon.pid_file {path} cannot be written: {error.strerror}"
        ) from error
    try:
        yield
    finally:
        _remove(path, own)


def _remove(path: Path, content: str) -> None:
    """Remove the file unless another process has taken it over."""
    try:
        if path.read_text() == content:
            path.unlink()
    except OSError:
        return
