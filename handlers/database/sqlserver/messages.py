"""Limit the messages of a batch, all of which the library would keep until the next one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.database.adapter import Notice
from handlers.database.notices import NOTICE_MAX, Notices

ERRORS_MAX = 100
"""Maximum errors of a batch; the last one is raised."""
REMARK = 10
"""The highest severity that is not an error."""


class Messages(list[dict[str, Any]]):
    """The errors of a batch, in the library's format, and its notices."""

    def __init__(self, messages: Iterable[dict[str, Any]] = ()) -> None:
        super().__init__(messages)
        self._notices = Notices()

    def append(self, message: dict[str, Any]) -> None:
        """Add a message of the server."""
        if message["severity"] <= REMARK:
            self._notices.add(message["message"])
            return
        message["message"] = message["message"][:NOTICE_MAX]
        super().append(message)
        del self[:-ERRORS_MAX]

    def take(self) -> list[Notice]:
        """Return the notices since the last call."""
        return self._notices.take()


def bound_messages(session_type: Any) -> None:
    """Make the library's sessions keep messages in `Messages`."""

    def keep(session: Any, messages: Iterable[dict[str, Any]]) -> None:
        session.__dict__["messages"] = Messages(messages)

    session_type.messages = property(lambda session: session.__dict__["messages"], keep)
