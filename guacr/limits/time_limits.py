"""The length of a session, and how long nobody may use it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from typing_extensions import override

from guacr.durations import spoken
from guacr.errors import SessionTimeoutError
from guacr.limits.refusal import IDLE_TIME, SESSION_LENGTH, counts
from guacr.session.input.taps import InputTap
from guacr.session.input.touch import Contact
from guacr.session.notice import show_notice
from guacr.session.session import Session
from guacr.session.user import User
from guacr.standstill import STANDSTILL

ROUNDING = 0.001
"""Seconds by which a timer may be early."""
NOTICE_TIME = 15.0
"""Seconds for which the warning of a session's length is visible."""


@dataclass(slots=True)
class _End:
    """One reason to end: the sentences are formatted with the limit and the time that is left."""

    reason: str
    limit: float
    """Seconds."""
    since: float
    warning: str
    error: str
    warning_time: float | None
    """Seconds for which the warning is visible; None for as long as it is true."""
    notice: asyncio.Task[None] | None = None

    def withdraw(self) -> None:
        """Show the warning no longer, or not."""
        if self.notice is not None:
            self.notice.cancel()
            self.notice = None


class TimeLimits(InputTap):
    """Ends a session once it has lasted for `length` seconds, or nobody has used it for `idle`
    seconds; 0 for never. Its users see a warning before.

    A timer looks when the earliest end is due; input only moves the time from which it counts.
    """

    def __init__(self, session: Session, length: float, idle: float) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._warning = session.settings.limits.warning
        now = self._loop.time()
        self._idle = _End(
            IDLE_TIME,
            idle,
            now,
            "This session ends in {1}, since nobody has used it: press a key or move the pointer.",
            "nobody has used this session for {0}: connect again to go on",
            None,
        )
        length_end = _End(
            SESSION_LENGTH,
            length,
            now,
            "This session ends in {1}, at its limit of {0}: save what is open.",
            "this session has reached its limit of {0}: connect again to go on",
            NOTICE_TIME,
        )
        self._ends = [end for end in (length_end, self._idle) if end.limit]
        self._timer: asyncio.TimerHandle | None = None
        self._due = now

    def start(self) -> None:
        """Start to count."""
        if self._idle in self._ends:
            self._session.taps.append(self)
        self._check()

    def stop(self) -> None:
        """Stop: the session has ended. Repeated calls do nothing."""
        if self._timer is not None:
            self._timer.cancel()
        for end in self._ends:
            end.withdraw()
        self._ends.clear()

    # ---- InputTap

    @override
    def key(self, user: User, keysym: int, pressed: bool) -> None:
        self._used()

    @override
    def mouse(self, user: User, x: int, y: int, buttons: int) -> None:
        self._used()

    @override
    def touch(self, user: User, contact: Contact) -> None:
        self._used()

    def _used(self) -> None:
        self._idle.since = self._loop.time()
        if self._idle.notice is not None:
            self._idle.withdraw()
            self._set_timer()

    # ---- the timer

    def _check(self) -> None:
        if self._session.closed:
            return
        now = self._loop.time()
        if now - self._due > STANDSTILL:  # the process stood still, and nobody could be heard
            self._idle.since = min(self._idle.since + now - self._due, now)
        if any(user.transfers.count for user in self._session.users):
            self._used()
        for end in self._ends:
            left = end.since + end.limit - now
            if left <= ROUNDING:
                counts[end.reason] += 1
                self._session.close(SessionTimeoutError(end.error.format(spoken(end.limit))))
                return
            if left <= self._ahead(end) + ROUNDING and end.notice is None:
                self._warn(end, left)
        self._set_timer()

    def _set_timer(self) -> None:
        """Set the timer for the next warning or end."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._ends:
            return
        times = (
            end.since + end.limit - (self._ahead(end) if end.notice is None else 0)
            for end in self._ends
        )
        self._due = max(min(times), self._loop.time())
        self._timer = self._loop.call_at(self._due, self._check)

    def _ahead(self, end: _End) -> float:
        """Return how many seconds before an end its warning is shown."""
        return min(self._warning, end.limit / 2)

    def _warn(self, end: _End, left: float) -> None:
        sentence = end.warning.format(spoken(end.limit), spoken(left))
        self._session.log.info("warned: %s", sentence)
        notice = show_notice(self._session, sentence, end.warning_time or left)
        end.notice = self._session.context.start_task(notice, "warning")
