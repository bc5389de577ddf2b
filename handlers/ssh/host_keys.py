"""The trusted host keys: those of `host-key`, otherwise those of the known_hosts file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from guacr.api import GuacrError, UpstreamError, clause, shorten
from handlers.ssh.failures import HostKeyRefusedError, KeyFormatError
from handlers.ssh.key_texts import Trust, is_public_key, trust_in

FILE_MAX = 16 * 1024 * 1024
"""Maximum bytes of a known_hosts file."""
FINGERPRINTS_MAX = 3
"""Maximum fingerprints in an error message."""


@dataclass(frozen=True, slots=True)
class HostKeys:
    """Lines in the format of known_hosts, and their source."""

    lines: str
    source: str
    """The place where someone has to correct them."""

    def check(self) -> None:
        """Check all lines.

        Raises:
            GuacrError: a line cannot be parsed.
        """
        self.trust("", "", 0)

    def trust(self, host: str, address: str, port: int) -> Trust:
        """The trust in a host, by its name or its address.

        Raises:
            GuacrError: a line cannot be parsed.
        """
        try:
            return trust_in(self.lines, host, address, port)
        except ValueError:
            raise GuacrError(
                f"{self.source} cannot be used: a line is not in the format of known_hosts"
            ) from None


def pinned(text: str, parameter: str = "host-key") -> HostKeys:
    """The host keys in a `parameter`: known_hosts lines, or just types and keys.

    Raises:
        KeyFormatError: a line contains no key.
    """
    lines = [line.strip() for line in text.splitlines()]
    entries = [_entry(line) for line in lines if line and not line.startswith("#")]
    return HostKeys("\n".join(entries), f"parameter {parameter}")


def _entry(line: str) -> str:
    if is_public_key(line):
        return f"* {line}"
    words = 2 if line.startswith("@") else 1
    if not is_public_key(" ".join(line.split()[words:])):
        raise KeyFormatError(
            "host-key",
            f"has no key in {shorten(line)}: give a line of known_hosts, or a type and a key such "
            "as ssh-ed25519 AAAA…",
        )
    return line


async def known_hosts(path: Path | None) -> HostKeys | None:
    """Read the known_hosts file of the settings in a thread; None if there is none.

    Raises:
        GuacrError: it exists but cannot be read.
    """
    return None if path is None else await asyncio.to_thread(read_known_hosts, path)


def read_known_hosts(path: Path | None) -> HostKeys | None:
    """Like `known_hosts`, but in the caller's thread."""
    if path is None:
        return None
    try:
        return _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from None
    except UnicodeDecodeError:
        raise _unreadable(path, "not text") from None


def _unreadable(path: Path, reason: str) -> GuacrError:
    return GuacrError(f"known hosts file {path} cannot be read: {clause(reason)}")


def _read(path: Path) -> HostKeys:
    with path.open(encoding="utf-8") as file:
        lines = file.read(FILE_MAX + 1)
    if len(lines) > FILE_MAX:
        raise GuacrError(f"known hosts file {path} is larger than {FILE_MAX} bytes")
    return HostKeys(lines, f"known hosts file {path}")


def refusal(error: HostKeyRefusedError, host: str, keys: HostKeys, trust: Trust) -> UpstreamError:
    """The error for a host whose key is not trusted."""
    name = shorten(host)
    if error.revoked:
        return UpstreamError(f"the key of host {name} is revoked by {keys.source}")
    shown = error.fingerprint or f"an invalid certificate ({error.reason})"
    if not trust:
        return UpstreamError(
            f"host {name} is not in {keys.source}: it shows {shown}; add its key if this is correct"
        )
    expected = " or ".join(trust.fingerprints[:FINGERPRINTS_MAX])
    return UpstreamError(
        f"host {name} is not the one expected by {keys.source}: it shows {shown} instead of "
        f"{expected}; update the key if the host has a new one, otherwise do not trust it"
    )
