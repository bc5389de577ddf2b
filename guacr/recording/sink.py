"""The interface of the stores that recordings are written to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import copy_context

from guacr.errors import GuacrError


class Sink(ABC):
    """Stores what it is written, in order; used on the event loop.

    `on_failed` is called at most once, with the reason, when something can no longer be stored;
    what is written after that is discarded. `on_drained` is called when everything that was
    written has been passed to the system. Neither is called by `write` itself, nor after `close`
    has returned.
    """

    def __init__(self) -> None:
        self.on_failed: Callable[[GuacrError], None] = ignore
        self.on_drained: Callable[[], None] = nothing
        self._context = copy_context()
        """The session's, for the log: another session's may have caused the writing."""

    def _report(self, error: GuacrError) -> None:
        self._context.run(self.on_failed, error)

    @property
    @abstractmethod
    def buffered(self) -> int:
        """The bytes that were written, but not yet accepted by the system."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Store whole instructions, or other parts that belong together; never blocks. A part is
        stored completely or, if that fails, not at all."""

    @abstractmethod
    async def close(self) -> None:
        """Wait until everything is durable, and free resources; repeated calls do nothing.

        Raises:
            GuacrError: something could not be stored, and `on_failed` has not been called.
        """


def ignore(error: GuacrError) -> None:
    """Ignore a failure before anyone handles it."""


def nothing() -> None:
    """Do nothing by default."""
