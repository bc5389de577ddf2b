"""Why client and host have found no algorithms that both know (RFC 4253, section 7.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from guacr.errors import shorten
from handlers.ssh.algorithms import CIPHER, HOST_KEY, KEY_EXCHANGE, MAC, Kind

NAMES_MAX = 8
"""Algorithms of the host's that a message names, of each kind."""
LISTS = (KEY_EXCHANGE, HOST_KEY, CIPHER, CIPHER, MAC, MAC)
"""What the lists of SSH_MSG_KEXINIT are of; ciphers and MACs have one for each direction."""

_COOKIE_END = 17
_NAME = re.compile(r"[!-~]{1,64}")
_AEAD = ("-gcm@openssh.com", "chacha20-poly1305@openssh.com")
"""Ends of the names of ciphers that need no MAC."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A kind of algorithms of which both sides know none in common."""

    kind: Kind
    offered: Sequence[str]
    """By the host."""


def mismatches(exchanged: bytes) -> list[Mismatch]:
    """What is not in common, in the two SSH_MSG_KEXINIT. `exchanged` is what the exchange hash
    begins with: the two versions and the two messages, each as a string."""
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
    """The sentence: what the host offers, and what admits it."""
    lacks = "; ".join(
        f"no matching {entry.kind.name} algorithm, it offers {_shown(entry.offered)}"
        for entry in missing
    )
    return f"host {shorten(host)} cannot be talked to: {lacks}; {_advice(missing)}"


def _advice(missing: Sequence[Mismatch]) -> str:
    if all(set(entry.offered) & set(entry.kind.old) for entry in missing):
        return (
            "set parameter algorithms to legacy to admit it (or algorithms under [ssh] in the "
            "settings), or update the host"
        )
    known = [(e.kind, [name for name in e.offered if name in e.kind.known]) for e in missing]
    if unknown := [kind.name for kind, names in known if not names]:
        return (
            f"guacr has none of these {' and '.join(unknown)} algorithms: enable another one on "
            "the host"
        )
    added = " and ".join(f"{kind.parameter} to +{names[0]}" for kind, names in known)
    return f"set parameter {added} to admit it (or the same under [ssh] in the settings)"


def _shown(names: Sequence[str]) -> str:
    """Names that a host gives, which may be anything."""
    shown = [name if _NAME.fullmatch(name) else shorten(name) for name in names[:NAMES_MAX]]
    return ", ".join(shown + ["…"] * (len(names) > NAMES_MAX)) or "none"


def _strings(data: bytes, count: int) -> list[bytes]:
    """The strings at the start; empty ones for what is missing."""
    found = []
    for _ in range(count):
        end = 4 + int.from_bytes(data[:4], "big")
        found.append(data[4:end])
        data = data[end:]
    return found


def _names(data: bytes) -> list[str]:
    """The algorithms of a list, without what only looks like one."""
    names = data.decode("ascii", "replace").split(",") if data else []
    return [name for name in names if not name.startswith(("ext-info-", "kex-strict-"))]
