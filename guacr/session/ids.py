"""The ids of sessions, tunnels and tubes: UUIDs whose last four hexadecimal digits are the number
of the worker that has made them, so that any process can tell where to find what they name."""

from __future__ import annotations

from uuid import uuid4

CONNECTION_ID_PREFIX = "$"
"""Precedes the ids of sessions."""
NUMBER_MAX = 0xFFFF
"""The maximum number of a worker."""
UNKNOWN = "unknown connection: it has ended, or its id is wrong"
"""The sentence for an id that is no session's."""
_DIGITS = 4

_own = 0


def own_name() -> str:
    """Return the name of this process among the workers; empty if there is only one process."""
    return str(_own) if _own else ""


def set_own_number(number: int) -> None:
    """Set the number of this process; called once, before it makes ids."""
    global _own
    _own = number


def new_uuid() -> str:
    """Return a new UUID with 106 random bits and the number of this process."""
    return f"{str(uuid4())[:-_DIGITS]}{_own:0{_DIGITS}x}"


def worker_of(name: str) -> int:
    """Return the number of the worker that has made an id; 0 for a text that is no id."""
    try:
        return int(name[-_DIGITS:], 16)
    except ValueError:
        return 0


def with_prefix(name: str) -> str:
    """Return the id of a session that a person has given with or without its prefix, which shells
    expand."""
    return name if name.startswith(CONNECTION_ID_PREFIX) else CONNECTION_ID_PREFIX + name


def foreign_worker(name: str) -> int:
    """Return the number of another worker, which has made an id; otherwise 0."""
    number = worker_of(name)
    return number if _own and number != _own else 0


def foreign_session(select: str) -> int:
    """Return the number of another worker, whose session a `select` names; otherwise 0."""
    return foreign_worker(select) if select.startswith(CONNECTION_ID_PREFIX) else 0
