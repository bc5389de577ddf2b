"""The restrictions of a user in a session."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The restrictions of one user; by default there are none."""

    read_only: bool = False
    disable_copy: bool = False
    disable_paste: bool = False
