"""Makes a host wait as long as anything wants it to."""

from __future__ import annotations

from collections.abc import Callable


class FlowControl:
    """Calls `block` with True when the first holder wants the host to wait, and with False when
    none does any more."""

    __slots__ = ("_block", "_holders")

    def __init__(self, block: Callable[[bool], None]) -> None:
        self._block = block
        self._holders: set[str] = set()

    def hold(self, who: str, held: bool) -> None:
        """Set whether `who` wants the host to wait."""
        before = bool(self._holders)
        (self._holders.add if held else self._holders.discard)(who)
        if bool(self._holders) != before:
            self._block(not before)
