"""Redirections of a Redis cluster
(https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, "Redirection")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

REDIRECTIONS_MAX = 5
"""Maximum redirections of a command: nodes that disagree would redirect it forever."""
_REDIRECTION = re.compile(rb"(MOVED|ASK) (\d{1,5}) (\S{0,255}):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Redirection:
    """The node that a command must go to."""

    slot: int
    host: str
    """Empty for the host that sent the redirection."""
    port: int
    asking: bool
    """True if it applies only to this command, which ASKING must precede."""

    @classmethod
    def read(cls, error: bytes) -> Self | None:
        """Parse an error of the server; None if it is not a redirection."""
        found = _REDIRECTION.fullmatch(error)
        if found is None or not 0 < int(found[4]) < 65536:
            return None
        host = found[3].decode(errors="replace").strip("[]")
        if host.startswith("/"):
            return None  # it would be the path of a socket on the daemon's machine
        return cls(int(found[2]), host, int(found[4]), found[1] == b"ASK")
