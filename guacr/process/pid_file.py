"""The file with the process id of the daemon, for init scripts."""

from __future__ import annotations

import os
from pathlib import Path

from guacr.errors import SettingsError, shorten

MODE = 0o644
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
CONTENT_MAX = 32
"""Maximum bytes that are read from a pid file."""
PID_MAX = 2**31 - 1
"""The maximum process id."""
NAMES = (b"guacr", b"guacd")
"""Names in the command line of a process that may own the file; others reuse its id by chance."""


class PidFile:
    """The pid file, written once the daemon listens and removed as soon as it does not, so that the
    next one can start while sessions of this one are ending. `pid` is the process to name; by
    default this one."""

    def __init__(self, path: Path, pid: int = 0) -> None:
        self._path = path
        self._pid = pid or os.getpid()
        self._own = f"{self._pid}\n"

    def check(self) -> None:
        """Check that the file can be written.

        Raises:
            SettingsError: the file belongs to a running daemon, or its directory is not writable.
        """
        self.check_place()
        owner = _owner(self._path)
        if owner not in (0, self._pid):
            raise SettingsError(
                f"daemon.pid_file {self._path} belongs to process {owner}, which is running: stop "
                "it first, or name another file"
            )

    def check_place(self) -> None:
        """Check that the file can be created at its path.

        Raises:
            SettingsError: the path is not a file, or its directory is not writable.
        """
        try:
            self._check_place()
        except OSError as error:  # such as a name that is too long
            raise SettingsError(
                f"daemon.pid_file {shorten(str(self._path))} cannot be used: {error.strerror}"
            ) from error

    def _check_place(self) -> None:
        if self._path.exists() and not self._path.is_file():  # such as /dev/null
            raise SettingsError(
                f"daemon.pid_file {self._path} exists, but is not a file: name another one"
            )
        directory = self._path.parent
        if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
            raise SettingsError(
                f"daemon.pid_file {self._path} cannot be written: {directory} is not a directory "
                "that this account may write to"
            )

    def write(self) -> None:
        """Write the process id.

        Raises:
            SettingsError: as for `check`, or the file cannot be written.
        """
        self.check()
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            beside.unlink(missing_ok=True)  # perhaps a link that somebody else has placed there
            with os.fdopen(os.open(beside, _NEW), "w") as file:
                file.write(self._own)
                os.fchmod(file.fileno(), MODE)
            beside.replace(self._path)
        except OSError as error:
            raise SettingsError(
                f"daemon.pid_file {self._path} cannot be written: {error.strerror}"
            ) from error

    def remove(self) -> None:
        """Remove the file, unless it names another process."""
        try:
            if self._path.is_file() and self._path.read_text() == self._own:
                self._path.unlink()
        except OSError:
            return


def _owner(path: Path) -> int:
    """Return the running daemon that the file names, or 0."""
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
    except OSError:  # it belongs to another account, so it exists
        pass
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # a system without /proc
        return True
    return any(name in command for name in NAMES)
