"""Where a session's parameters come from: how far they can be trusted, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Clients of the Guacamole protocol, addresses and forms vouch for nothing; the configuration
    and the tokens of whoever holds a key do."""

    trusted: frozenset[str] = frozenset()
    """Names of the parameters that were set by an operator."""
    subject: str = ""
    """The person whom a token was made for (its claim `sub`); empty where nobody
    vouches for one."""


ANYONE = Origin()
