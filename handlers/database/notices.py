"""The notices of a running statement, the last of which are kept until they are shown."""

from __future__ import annotations

from collections import deque

from handlers.database.adapter import Notice

NOTICES_MAX = 1000
"""Maximum notices that are kept; older ones are dropped and counted."""
NOTICE_MAX = 8192
"""Maximum characters of a notice."""


def not_shown(count: int, name: str = "notice") -> str:
    """The line that replaces so many notices."""
    return f"… {count} more {name if count == 1 else name + 's'} not shown"


class Notices:
    """The notices of a connection."""

    __slots__ = ("_kept", "_left_out")

    def __init__(self) -> None:
        self._kept: deque[str] = deque(maxlen=NOTICES_MAX)
        self._left_out = 0

    def add(self, text: str) -> None:
        """Add a notice."""
        self._left_out += len(self._kept) == NOTICES_MAX
        self._kept.append(text if len(text) <= NOTICE_MAX else text[: NOTICE_MAX - 1] + "…")

    def take(self) -> list[Notice]:
        """Return the notices since the last call, preceded by a line about dropped ones."""
        found = [not_shown(self._left_out)] if self._left_out else []
        found += self._kept
        self._kept.clear()
        self._left_out = 0
        return list(map(Notice, found))
