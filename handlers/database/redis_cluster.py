"""Redirections of a Redis cluster
(https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, "Redirection")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

REDIRECTIONS_MAX = 5
"""For one command: nodes that disagree would send it around for ever."""
_REDIRECTION = re.compile(rb"(MOVED|ASK) (\d{1,5}) (\S{0,255}):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Redirection:
    """Where a command has to go."""

    slot: int
    host: str
    """Empty: the host that says so."""
    port: int
    asking: bool
    """Whether for this command alone, which ASKING has to announce."""

    @classmethod
    def read(cls, error: bytes) -> Self | None:
        """What an error of the server says, if it is a redirection."""
        found = _REDIRECTION.fullmatch(error)
        if found is None or not 0 < int(found[4]) < 65536:
            return None
        host = found[3].decode(errors="replace").strip("[]")
        if host.startswith("/"):
            return None  # it would be the path of a socket on the daemon's machine
        return cls(int(found[2]), host, int(found[4]), found[1] == b"ASK")
