"""Filters and pages of the list of sessions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from guacr.control.info import SessionInfo
from guacr.errors import BadRequestError, shorten

FIELDS = ("protocol", "host", "username", "connection", "client", "subject", "worker")
"""Fields of a session that can be compared with a text."""
LIMIT, LIMIT_MAX = 100, 1000
"""Default and maximum number of sessions in an answer."""
TEXT_MAX = 256
"""Maximum characters of a text to compare with."""
_CURSOR = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(\$[0-9a-f-]{1,64})")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    sessions: Sequence[SessionInfo]
    total: int
    """The number of all sessions that match."""
    next: str
    """The cursor of the next part; empty for the last part."""


@dataclass(frozen=True, slots=True)
class Query:
    """A selection of sessions.

    Raises:
        BadRequestError: a value is invalid.
    """

    fields: Mapping[str, str] = field(default_factory=dict)
    """Texts that fields of a session must have; names are of `FIELDS`."""
    search: str = ""
    """A text that the session, or one of its users, must contain; case is ignored."""
    after: str = ""
    """The `next` of the previous part of the list."""
    limit: int = LIMIT
    """The number of sessions in a part, at most."""

    def __post_init__(self) -> None:
        for name in self.fields:
            if name not in FIELDS:
                raise BadRequestError(
                    f"{shorten(name)} is not a filter: the filters are search, {', '.join(FIELDS)}"
                )
        if any(len(text) > TEXT_MAX for text in (self.search, *self.fields.values())):
            raise BadRequestError(f"a filter has more than {TEXT_MAX} characters")
        if not 1 <= self.limit <= LIMIT_MAX:
            raise BadRequestError(f"limit must be a whole number from 1 to {LIMIT_MAX}")
        _read_cursor(self.after)

    def page(self, sessions: Iterable[SessionInfo]) -> Page:
        """Return the first part of those that match, the oldest first."""
        matching = sorted(filter(self._matches, sessions), key=_place)
        begin = _read_cursor(self.after)
        behind = matching if begin is None else [one for one in matching if _place(one) > begin]
        part = behind[: self.limit]
        return Page(part, len(matching), _cursor(part[-1]) if len(behind) > len(part) else "")

    def _matches(self, session: SessionInfo) -> bool:
        if any(getattr(session, name) != text for name, text in self.fields.items()):
            return False
        wanted = self.search.casefold()
        return not wanted or any(wanted in text.casefold() for text in _texts(session))


def _texts(session: SessionInfo) -> Iterator[str]:
    yield session.id
    for name in FIELDS:
        yield getattr(session, name)
    for user in session.users:
        yield from (user.name, user.client, user.subject)


def _place(session: SessionInfo) -> tuple[float, str]:
    return session.since, session.id


def _cursor(session: SessionInfo) -> str:
    return f"{session.since!r}{session.id}"


def _read_cursor(text: str) -> tuple[float, str] | None:
    """Return the place of a session in the list; None for the beginning.

    Raises:
        BadRequestError: this is not a cursor.
    """
    match = _CURSOR.fullmatch(text)
    if match is None and text:
        raise BadRequestError("after must be the next of a previous answer")
    return None if match is None else (float(match[1]), match[2])
