"""The state of an ACME client on the disk: the account, the certificate, and when to try again."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from guacr.errors import SettingsError

FILE_MAX = 1 << 20
"""Maximum bytes of a file."""
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
CERTIFICATE_MAX = 65536
"""Bytes that a certificate with its key and its chain may need on the disk."""
CANDIDATE = "candidate.pem"
"""A new certificate that has not been checked yet."""
ACCOUNT_KEY, ACCOUNT, ATTEMPTS, LOCK = "account.pem", "account.json", "attempts.json", "lock"


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures since the last success, and when the next attempt is allowed, in seconds since
    1970; for the same domains."""

    failures: int = 0
    not_before: float = 0.0
    domains: tuple[str, ...] = ()


class Store:
    """A directory whose files only the daemon's account can read. Files are replaced, so that a
    crash leaves either the old or the new one.

    One process at a time holds its lock, and obtains certificates; others may read them.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock: int | None = None

    def open(self) -> None:
        """Create the directory.

        Raises:
            SettingsError: it cannot be created or written to.
        """
        try:
            self._directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
            os.close(self._open_lock())
        except OSError as error:
            raise SettingsError(
                f"acme.state_directory: {self._directory} cannot be used: {error.strerror}"
            ) from error

    def lock(self) -> bool:
        """Lock the store for this process; return whether it has the lock."""
        if self._lock is None:
            descriptor = self._open_lock()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            self._lock = descriptor
        return True

    def unlock(self) -> None:
        """Let another process have the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def path(self, name: str) -> Path:
        """The path of a file."""
        return self._directory / name

    def set_aside(self, name: str) -> Path:
        """Rename a damaged file, and return its new path."""
        path = self.path(name)
        return path.replace(path.with_name(f"{name}.damaged"))

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        try:
            with (self._directory / name).open("rb") as file:
                return file.read(FILE_MAX)
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Replace a file."""
        path = self._directory / name
        new = path.with_suffix(".new")
        with suppress(FileNotFoundError):
            new.unlink()
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except BaseException:
            new.unlink()  # the disk may be full
            raise

    def check_room(self) -> None:
        """Check that a certificate could be written, before one is ordered.

        Raises:
            SettingsError: it could not.
        """
        try:
            self.write(CANDIDATE, bytes(CERTIFICATE_MAX))
            (self._directory / CANDIDATE).unlink()
        except OSError as error:
            raise SettingsError(
                f"acme.state_directory: {self._directory} cannot be written to: {error.strerror}; "
                "no certificate was ordered"
            ) from error

    @property
    def attempts(self) -> Attempts:
        """The outcome of earlier attempts."""
        try:
            known = json.loads(self.read(ATTEMPTS) or b"{}")
            domains = tuple(map(str, known["domains"]))
            return Attempts(int(known["failures"]), float(known["not_before"]), domains)
        except (ValueError, TypeError, KeyError):
            return Attempts()

    @attempts.setter
    def attempts(self, attempts: Attempts) -> None:
        self.write(ATTEMPTS, json.dumps(asdict(attempts)).encode())

    def _open_lock(self) -> int:
        return os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE)
