"""Which host keys are trusted: those of `host-key`, else those of the known_hosts file."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from guacr.errors import BadRequestError, GuacrError, UpstreamError, clause, shorten
from handlers.ssh.failures import HostKeyRefusedError, KeyFormatError
from handlers.ssh.key_texts import Trust, is_public_key, trust_in

FILE_MAX = 16 * 1024 * 1024
"""Bytes of a known_hosts file."""
FINGERPRINTS_MAX = 3
"""Fingerprints that an error message names."""


@dataclass(frozen=True, slots=True)
class HostKeys:
    """Lines in the format of known_hosts, and where they are from."""

    lines: str
    source: str
    """What the person who has to correct them looks for."""

    def trust(self, host: str, address: str, port: int) -> Trust:
        """What the lines say of a host, by its name or its address.

        Raises:
            GuacrError: a line cannot be read.
        """
        try:
            return trust_in(self.lines, host, address, port)
        except KeyFormatError as error:
            raise GuacrError(f"{self.source} cannot be used: {error}") from None


def pinned(text: str) -> HostKeys:
    """The value of the parameter `host-key`: known_hosts lines, or just types and keys.

    Raises:
        BadRequestError: a line holds no key.
    """
    lines = [line.strip() for line in text.splitlines()]
    entries = [_entry(line) for line in lines if line and not line.startswith("#")]
    return HostKeys("\n".join(entries), "parameter host-key")


def _entry(line: str) -> str:
    if is_public_key(line):
        return f"* {line}"
    words = 2 if line.startswith("@") else 1
    if not is_public_key(" ".join(line.split()[words:])):
        raise BadRequestError(
            f"parameter host-key has no key in {shorten(line)}: give a line of known_hosts, "
            "or a type and a key such as ssh-ed25519 AAAA…"
        )
    return line


async def known_hosts(path: Path | None) -> HostKeys | None:
    """The known_hosts file of the settings; None if there is none.

    Raises:
        GuacrError: there is one, but it cannot be read.
    """
    if path is None:
        return None
    try:
        return await asyncio.to_thread(_read, path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise GuacrError(f"known hosts file {path} cannot be read: {clause(reason)}") from None


def _read(path: Path) -> HostKeys:
    with path.open(encoding="utf-8") as file:
        lines = file.read(FILE_MAX + 1)
    if len(lines) > FILE_MAX:
        raise GuacrError(f"known hosts file {path} is larger than {FILE_MAX} bytes")
    return HostKeys(lines, f"known hosts file {path}")


def refusal(error: HostKeyRefusedError, host: str, keys: HostKeys, trust: Trust) -> UpstreamError:
    """The sentence for a host whose key is not trusted."""
    name = shorten(host)
    if error.revoked:
        return UpstreamError(f"the key of host {name} is revoked by {keys.source}")
    shown = error.fingerprint or f"a certificate that does not count ({error.reason})"
    if not trust:
        return UpstreamError(
            f"host {name} is not in {keys.source}: it shows {shown}; add its key if that is right"
        )
    expected = " or ".join(trust.fingerprints[:FINGERPRINTS_MAX])
    return UpstreamError(
        f"host {name} is not the one expected by {keys.source}: it shows {shown}, expected is "
        f"{expected}; correct the key if the host has a new one, otherwise do not trust it"
    )
