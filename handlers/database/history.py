"""The history of consoles, for later sessions with the same database.

It is kept only in the daemon's memory, by connection and subject of a token.
"""

from __future__ import annotations

from collections import OrderedDict, deque

CONNECTIONS_MAX = 256
"""Maximum connections whose history is kept; the least recently used is dropped first."""
TEXTS_MAX = 1000
TEXT_MAX = 16_384
"""Maximum texts of a connection, and maximum characters of a text."""
CHARACTERS_MAX = 262_144
"""Maximum characters of all texts of a connection."""

Connection = tuple[str, ...]
"""The key of a connection."""


class Texts(deque[str]):
    """Texts that were typed, the oldest first; old ones are dropped at the limit."""

    def __init__(self) -> None:
        super().__init__()
        self._size = 0

    def append(self, text: str) -> None:
        """Add a text."""
        super().append(text)
        self._size += len(text)
        while len(self) > TEXTS_MAX or self._size > CHARACTERS_MAX:
            self._size -= len(self.popleft())


_kept: OrderedDict[Connection, Texts] = OrderedDict()


def history_of(connection: Connection) -> Texts:
    """The texts of a connection, the oldest first; appended texts are kept."""
    texts = _kept.pop(connection, None)
    if texts is None:
        texts = Texts()
    _kept[connection] = texts
    while len(_kept) > CONNECTIONS_MAX:
        _kept.popitem(last=False)
    return texts
