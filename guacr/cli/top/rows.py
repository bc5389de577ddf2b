"""The rows of the table: sessions with their rates, filtered and sorted.

There is no clock: times are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from guacr.cli.control import amount, duration
from guacr.control.info import SessionInfo, WorkerInfo
from guacr.showable import cut, escaped, showable

CELL_MAX = 28
"""Maximum characters of a cell."""
ID_SHOWN = 8
"""Characters of an id, after its dollar sign."""


@dataclass(frozen=True, slots=True)
class Row:
    """A session with its rates, in bytes per second."""

    session: SessionInfo
    age: float
    """Seconds."""
    receiving: float = 0.0
    sending: float = 0.0

    @property
    def users(self) -> int:
        """The number of present users."""
        return len(self.session.users)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table of sessions."""

    title: str
    order: Callable[[Row], str | float]
    """Returns what rows are sorted by."""
    text: Callable[[Row], str]
    falls: bool = False
    """True for numbers: they are aligned to the right, and the largest comes first."""

    @property
    def align(self) -> Literal["left", "right"]:
        """The side that texts are aligned to."""
        return "right" if self.falls else "left"


def _text(title: str, field: Callable[[SessionInfo], str]) -> Column:
    return Column(
        title, lambda row: field(row.session).casefold(), lambda row: shown(field(row.session))
    )


def _bytes(title: str, field: Callable[[Row], float]) -> Column:
    return Column(title, field, lambda row: amount(field(row)), falls=True)


COLUMNS = (
    _text("ID", lambda session: session.id[1 : 1 + ID_SHOWN]),
    _text("PROTOCOL", lambda session: session.protocol),
    Column("USERS", lambda row: row.users, lambda row: str(row.users), falls=True),
    Column("AGE", lambda row: row.age, lambda row: duration(row.age), falls=True),
    _bytes("IN/S", lambda row: row.receiving),
    _bytes("OUT/S", lambda row: row.sending),
    _text("HOST", lambda session: session.host),
    _text("USERNAME", lambda session: session.username),
    _text("PERSON", lambda session: session.subject),
    _text("CLIENT", lambda session: session.client),
    _text("WORKER", lambda session: session.worker),
    _bytes("IN", lambda row: row.session.received),
    _bytes("OUT", lambda row: row.session.sent),
)
"""Terminals of 80 columns show the rates, and have to be scrolled for what may be long and for what
matters least."""
COLUMNS_FIXED = 1
"""Columns that are not scrolled."""
SORTED_FIRST = next(number for number, one in enumerate(COLUMNS) if one.title == "OUT/S")
"""The column that rows are sorted by at first."""


class Rates:
    """Makes rows of the sessions that a daemon lists again and again."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[int, int]] = {}
        self._time = 0.0

    def rows(self, sessions: Iterable[SessionInfo], now: float, wall: float) -> list[Row]:
        """Return the sessions with their rates since the last call. `now` is on a monotonic scale,
        `wall` in seconds since 1970."""
        seconds = max(now - self._time, 1e-3)
        rows, seen = [], {}
        for session in sessions:
            count = session.received, session.sent
            received, sent = self._before.get(session.id, count)
            rows.append(
                Row(
                    session,
                    age=max(0.0, wall - session.since),
                    receiving=max(0, session.received - received) / seconds,
                    sending=max(0, session.sent - sent) / seconds,
                )
            )
            seen[session.id] = count
        self._before, self._time = seen, now
        return rows


def chosen(rows: Iterable[Row], search: str, column: int, *, reverse: bool) -> list[Row]:
    """Return the rows that contain a text in any column, sorted by a column; `reverse` turns the
    usual order around."""
    wanted, by = search.casefold(), COLUMNS[column]
    found = [row for row in rows if not wanted or _contains(row, wanted)]
    return sorted(found, key=by.order, reverse=by.falls != reverse)


def hidden(columns: Sequence[tuple[str, int]], scrolled: int, room: int) -> str:
    """Return the line that names the columns that the screen does not show, or only in part; empty
    if there are none.

    Args:
        columns: their titles and widths.
        scrolled: by how much they are scrolled to the side.
        room: the width of the table on the screen.
    """
    left, right, end = [], [], 0
    fixed = sum(width for _, width in columns[:COLUMNS_FIXED])
    for number, (title, width) in enumerate(columns):
        start, end = end, end + width
        if number >= COLUMNS_FIXED and start < scrolled + fixed:
            left.append(title)
        elif number >= COLUMNS_FIXED and end > scrolled + room:
            right.append(title)
    parts = (f"← {', '.join(left)}" if left else "", f"{', '.join(right)} →" if right else "")
    return "   ".join(filter(None, parts))


def worker_line(worker: WorkerInfo) -> str:
    """Return the line about a worker."""
    return (
        f"worker {shown(worker.name)}".rstrip()
        + f"  pid {worker.pid}  {worker.state}  sessions {worker.sessions}  "
        f"users {worker.users}  lag {worker.loop_lag * 1000:.0f} ms  memory {amount(worker.memory)}"
    )


def shown(text: str) -> str:
    """Return a peer's text for a cell: it controls no terminal, and is not too long."""
    return cut(showable(text, escaped), CELL_MAX)


def details(session: SessionInfo) -> Sequence[str]:
    """Return lines about a session and its users."""
    lines = [
        f"{session.id}  {session.protocol}  {shown(session.host) or '-'}",
        f"connection {shown(session.connection) or '-'}, worker {shown(session.worker) or '-'}",
    ]
    for user in session.users:
        rights = "owner" if user.owner else "read-only" if user.read_only else "joined"
        name = shown(user.subject or user.name) or "-"
        lines.append(f"{rights}: {name} from {shown(user.client)}, out {amount(user.sent)}")
    return lines


def _contains(row: Row, wanted: str) -> bool:
    session = row.session
    texts = (
        session.id,
        session.protocol,
        session.host,
        session.username,
        session.subject,
        session.client,
        session.connection,
        session.worker,
    )
    return any(wanted in text.casefold() for text in texts)
