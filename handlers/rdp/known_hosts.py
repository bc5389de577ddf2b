"""The certificates that were trusted on first use (`cert-tofu`).

Each line of the file has a host with its port and the SHA-256 fingerprint of its certificate.
"""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

from guacr.api import BusyError, GuacrError, clause

HOSTS_MAX = 10_000
"""Hosts that are remembered. Further ones are refused: forgetting the first ones would let whoever
can make others connect choose whom they trust."""
FILE_MAX = 1 << 22
"""Bytes of a file: longer ones are not those of `HOSTS_MAX` hosts."""
_LINE = re.compile(r"(\S+) ([0-9a-f]{64})")


class KnownHosts:
    """The fingerprints of hosts, in a file or, if there is no path, in memory. The methods block,
    and may be called on any thread.

    Args:
        path: the file, which is made when it is first needed.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    @property
    def place(self) -> str:
        """Where a fingerprint is, as the object of a sentence."""
        return "the daemon's memory" if self._path is None else f"the file {self._path}"

    def trust(self, host: str, port: int, fingerprint: str) -> str:
        """Return the fingerprint of the certificate that is trusted for a port of a host: this one
        if there was none before.

        Raises:
            GuacrError: the file cannot be read or written.
            BusyError: there are too many hosts.
        """
        name = quote(f"{host.lower().rstrip('.')}:{port}", safe="[]:")
        with self._lock, self._opened() as known:
            if name not in known:
                if len(known) >= HOSTS_MAX:
                    raise BusyError(
                        f"there are {HOSTS_MAX} hosts in {self.place}, and no more are trusted on "
                        "first use: remove those that are no longer needed"
                    )
                known[name] = fingerprint
                self._save(known)
            return known[name]

    @contextmanager
    def _opened(self) -> Iterator[dict[str, str]]:
        """Yield what is known; meanwhile, no other process changes the file."""
        if self._path is None:
            yield self._known
            return
        try:
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield _read(self._path)
            finally:
                os.close(lock)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise GuacrError(
                f"{self.place} with trusted certificates cannot be used: "
                f"{clause(reason or 'not text')}; check the setting rdp.known_hosts"
            ) from None

    def _save(self, known: dict[str, str]) -> None:
        """Replace the file by a new one, which is complete at any time."""
        if self._path is None:
            return
        new = Path(f"{self._path}.new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(f"{name} {fingerprint}\n" for name, fingerprint in known.items())
            file.flush()
            os.fsync(descriptor)
        new.replace(self._path)


@cache
def known_hosts(path: Path | None) -> KnownHosts:
    """Return the store of a file, or that of this process."""
    return KnownHosts(path)


def _read(path: Path) -> dict[str, str]:
    """Return the lines of a file, if there is one.

    Raises:
        OSError: it cannot be read, or is not such a file.
        UnicodeDecodeError: the same.
    """
    try:
        with path.open(encoding="ascii") as file:
            lines = file.read(FILE_MAX + 1).splitlines()
    except FileNotFoundError:
        return {}
    found = [_LINE.fullmatch(line) for line in lines]
    known = {line[1]: line[2] for line in found if line}
    if len(known) != len(lines):
        raise OSError(0, "a line is not a host and a fingerprint, or one is there twice")
    return known
