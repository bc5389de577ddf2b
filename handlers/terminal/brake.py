"""Has a host wait as long as anybody wants it to."""

from __future__ import annotations

from collections.abc import Callable


class Brake:
    """`block` is told True when the first wants the host to wait, and False when nobody does."""

    __slots__ = ("_block", "_pulled")

    def __init__(self, block: Callable[[bool], None]) -> None:
        self._block = block
        self._pulled: set[str] = set()

    def pull(self, who: str, pulled: bool) -> None:
        """`who` wants the host to wait, or no longer does."""
        before = bool(self._pulled)
        (self._pulled.add if pulled else self._pulled.discard)(who)
        if bool(self._pulled) != before:
            self._block(not before)
