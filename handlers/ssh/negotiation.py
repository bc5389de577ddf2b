"""Explain why client and host have no common algorithms (RFC 4253, section 7.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guacr.api import shorten
from handlers.ssh.algorithms import CIPHER, HOST_KEY, KEY_EXCHANGE, MAC, Kind

NAMES_MAX = 8
"""Maximum algorithms of the host in a message, for each kind."""
LISTS = (KEY_EXCHANGE, HOST_KEY, CIPHER, CIPHER, MAC, MAC)
"""The kinds of the lists in SSH_MSG_KEXINIT; ciphers and MACs have one for each direction."""

_COOKIE_END = 17
_NAME = re.compile(r"[!-~]{1,64}")
_AEAD = ("-gcm@openssh.com", "chacha20-poly1305@openssh.com")
"""Suffixes of ciphers that need no MAC."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A kind of algorithms without a common one."""

    kind: Kind
    offered: Sequence[str]
    """The algorithms that the host offers."""


def mismatches(exchanged: bytes) -> list[Mismatch]:
    """The mismatches between two SSH_MSG_KEXINIT. `exchanged` is the beginning of the exchange hash
    input: the two versions and the two messages, each as a string."""
    _, _, ours, theirs = _strings(exchanged, 4)
    mine, offered = (_strings(message[_COOKIE_END:], 6) for message in (ours, theirs))
    if not theirs:
        return []
    missing: dict[str, Mismatch] = {}
    aead = [False] * 2
    for number, kind in enumerate(LISTS):
        names = _names(offered[number])
        common = next((name for name in _names(mine[number]) if name in names), None)
        if kind is CIPHER:
            aead[number % 2] = common is not None and common.endswith(_AEAD)
        if common is None and not (kind is MAC and aead[number % 2]):
            missing.setdefault(kind.name, Mismatch(kind, names))
    return list(missing.values())


def explained(host: str, missing: Sequence[Mismatch]) -> str:
    """The sentence that says what the host offers, and what allows it."""
    lacks = "; ".join(
        f"no matching {entry.kind.name} algorithm, it offers {_shown(entry.offered)}"
        for entry in missing
    )
    return f"host {shorten(host)} has {lacks}; {_advice(missing)}"


def _advice(missing: Sequence[Mismatch]) -> str:
    if all(set(entry.offered) & set(entry.kind.old) for entry in missing):
        return (
            "set parameter algorithms to legacy to allow it (or algorithms under [ssh] in the "
            "settings), or update the host"
        )
    known = [(e.kind, [name for name in e.offered if name in e.kind.known]) for e in missing]
    if unknown := [kind.name for kind, names in known if not names]:
        return (
            f"guacr supports none of these {' and '.join(unknown)} algorithms: enable a different "
            "one on the host"
        )
    added = " and ".join(f"{kind.parameter} to +{names[0]}" for kind, names in known)
    return f"set parameter {added} to allow it (or the same under [ssh] in the settings)"


def _shown(names: Sequence[str]) -> str:
    """Format names sent by a host, which may be anything."""
    shown = [name if _NAME.fullmatch(name) else shorten(name) for name in names[:NAMES_MAX]]
    return ", ".join(shown + ["…"] * (len(names) > NAMES_MAX)) or "none"


def _strings(data: bytes, count: int) -> list[bytes]:
    """The strings at the start; empty ones if any are missing."""
    found = []
    for _ in range(count):
        end = 4 + int.from_bytes(data[:4], "big")
        found.append(data[4:end])
        data = data[end:]
    return found


def _names(data: bytes) -> list[str]:
    """The algorithms of a list, without pseudo-algorithms."""
    names = data.decode("ascii", "replace").split(",") if data else []
    return [name for name in names if not name.startswith(("ext-info-", "kex-strict-"))]
