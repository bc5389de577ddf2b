"""Memory budgets of a session, or of one of its users."""

from __future__ import annotations

from threading import RLock

from guacr.errors import OverrunError


class Budget:
    """A number of bytes, parts of which are taken and given back.

    Args:
        limit: maximum bytes of all parts.
        setting: the name of the limit in the settings.
    """

    __slots__ = ("_lock", "limit", "setting", "used")

    def __init__(self, limit: int, setting: str) -> None:
        self.limit = limit
        self.setting = setting
        self.used = 0
        self._lock = RLock()  # pictures are created in threads

    def take(self, size: int, what: str) -> None:
        """Take `size` bytes for `what`, the subject of the error sentence.

        Raises:
            OverrunError: not enough bytes are left; nothing is taken.
        """
        with self._lock:
            left = self.limit - self.used
            if size <= left:
                self.used += size
                return
        raise OverrunError(
            f"{what} needs {size} bytes, of which {left} are left ({self.setting}): end or shrink "
            "something else first"
        )

    def give_back(self, size: int) -> None:
        """Give back bytes that were taken."""
        with self._lock:
            self.used -= size
