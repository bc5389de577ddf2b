"""The steps of a session's connection, for traces; nothing is noted unless somebody wants it."""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter_ns

from guacr.protocol.status import Status

STEPS_MAX = 32
"""Maximum steps that are noted."""


class Timeline:
    """The times at which the steps of a connection are complete.

    Times are in nanoseconds, those of `time.perf_counter_ns`.
    """

    __slots__ = ("begun", "ended_at", "is_complete", "status", "steps")

    def __init__(self) -> None:
        self.begun = perf_counter_ns()
        """The opening of the session."""
        self.steps: list[tuple[str, int]] = []
        """The name and the end of each step, in order."""
        self.is_complete = False
        """True once the connection is: nothing is noted any more."""
        self.ended_at = 0
        """The end of the session; 0 before it."""
        self.status = Status.SUCCESS
        """The status that users were sent at its end."""

    def mark(self, step: str) -> None:
        """Note that a step is complete, which began when the previous one was."""
        if not self.is_complete and len(self.steps) < STEPS_MAX:
            self.steps.append((step, perf_counter_ns()))

    def end(self, status: Status) -> None:
        """Note that the session has ended."""
        self.ended_at, self.status = perf_counter_ns(), status


CURRENT: ContextVar[Timeline | None] = ContextVar("timeline", default=None)
"""The timeline of the session whose handler runs."""


def step(name: str) -> None:
    """Note that a step of the present session's connection is complete, such as "resolve" or
    "login"; the name must not contain anything of peers. Nothing happens outside of handlers."""
    timeline = CURRENT.get()
    if timeline is not None:
        timeline.mark(name)
