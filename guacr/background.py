"""The process in the background, and its pid file: what guacd does without `-f`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guacr.errors import SettingsError

PID_FILE_MODE = 0o644


def detach() -> None:
    """Go on as a daemon: no terminal, no parent that waits, standard streams to /dev/null.

    The calling process ends here with status 0, so this comes before threads and event loops.
    The working directory stays: paths in the settings may be relative to it.
    """
    _continue_in_child()
    os.setsid()
    _continue_in_child()  # no leader of a session: it cannot get a terminal again
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)


def _continue_in_child() -> None:
    if os.fork() > 0:
        os._exit(0)


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
