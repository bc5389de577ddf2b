"""The file with the process id of the daemon, as init scripts read it."""

from __future__ import annotations

import os
from pathlib import Path

from guacr.errors import SettingsError

MODE = 0o644
CONTENT_MAX = 32
"""Bytes that are read of a pid file."""
PID_MAX = 2**31 - 1
"""The greatest number that a process may have."""
NAMES = (b"guacr", b"guacd")
"""In the command line of a process that may own the file; others have its number by chance."""


class PidFile:
    """Written once the daemon listens, and removed as soon as it does not, so that a next one can
    start while sessions of this one still end. `pid` is the process to name, this one unless
    another one stands for it."""

    def __init__(self, path: Path, pid: int = 0) -> None:
        self._path = path
        self._pid = pid or os.getpid()
        self._own = f"{self._pid}\n"

    def check(self) -> None:
        """Whether the file may be written.

        Raises:
            SettingsError: it is that of a running daemon, or its directory cannot be written to.
        """
        if self._path.exists() and not self._path.is_file():  # such as /dev/null
            raise SettingsError(
                f"daemon.pid_file {self._path} is there, but is not a file: name another one"
            )
        owner = _owner(self._path)
        if owner not in (0, self._pid):
            raise SettingsError(
                f"daemon.pid_file {self._path} belongs to process {owner}, which is running: stop "
                "it first, or name another file"
            )
        self.check_directory()

    def check_directory(self) -> None:
        """Whether a file can be made where it belongs.

        Raises:
            SettingsError: its directory cannot be written to.
        """
        directory = self._path.parent
        if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
            raise SettingsError(
                f"daemon.pid_file {self._path} cannot be written: {directory} is not a directory "
                "that this account may write to"
            )

    def write(self) -> None:
        """Have the process in it.

        Raises:
            SettingsError: as `check`, or the file cannot be written.
        """
        self.check()
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(self._own)
            beside.chmod(MODE)
            beside.replace(self._path)
        except OSError as error:
            raise SettingsError(
                f"daemon.pid_file {self._path} cannot be written: {error.strerror}"
            ) from error

    def remove(self) -> None:
        """Remove it, unless another process has taken it over."""
        try:
            if self._path.is_file() and self._path.read_text() == self._own:
                self._path.unlink()
        except OSError:
            return


def _owner(path: Path) -> int:
    """The running daemon that the file names, 0 if there is none."""
    try:
        with path.open("rb") as file:
            text = file.read(CONTENT_MAX).strip()
        pid = int(text) if text.isdigit() else 0
    except OSError:
        return 0
    return pid if 0 < pid <= PID_MAX and _is_daemon(pid) else 0


def _is_daemon(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another account's, which says that it runs
        pass
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # a system without /proc
        return True
    return any(name in command for name in NAMES)
