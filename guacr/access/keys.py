"""Secrets of a process of the daemon; several processes can share them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Self

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ProcessKeys:
    """The daemon's random keys; none of them outlives it."""

    tokens: str = field(repr=False)
    """Signs the tokens that the daemon creates: join links and forms."""

    @classmethod
    def generate(cls) -> Self:
        """Generate new keys."""
        return cls(tokens=secrets.token_urlsafe(KEY_BYTES))
