"""What was typed at consoles, for later sessions with the same database.

It is kept in the daemon's memory alone, by connection and by the subject of a token.
"""

from __future__ import annotations

from collections import OrderedDict, deque

CONNECTIONS_MAX = 256
"""Connections whose texts are kept; those unused for longest are forgotten first."""
TEXTS_MAX = 1000
TEXT_MAX = 16_384
"""Texts of one connection, and characters of one of them."""

Connection = tuple[str, ...]
"""Whatever tells one from another."""

_kept: OrderedDict[Connection, deque[str]] = OrderedDict()


def history_of(connection: Connection) -> deque[str]:
    """The texts of a connection, the oldest first; what is appended is kept."""
    texts = _kept.pop(connection, None)
    if texts is None:
        texts = deque(maxlen=TEXTS_MAX)
    _kept[connection] = texts
    while len(_kept) > CONNECTIONS_MAX:
        _kept.popitem(last=False)
    return texts
