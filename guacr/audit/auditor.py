"""Writes the audit log. No entry is dropped: if the disk is slow, clients wait for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from typing_extensions import override

from guacr.audit.entries import encode, values_of
from guacr.errors import BusyError, GuacrError, InternalError
from guacr.journal.errors import OverflowedError, WriteError
from guacr.journal.journal import Journal
from guacr.journal.options import AUDIT
from guacr.journal.writer import RETRY, LogStream
from guacr.quota import Quota
from guacr.session.events import AccessRefused, Event, Observer, Refused
from guacr.session.link import Hold, Link
from guacr.session.registry import SessionRegistry
from guacr.settings.journal import AuditSettings

PENDING_MAX = 10_000
"""Entries that may wait for the disk; then nothing is read from clients, and nobody can connect."""
PENDING_BYTES = 32 * 1024 * 1024
"""The same for their bytes, which are many if they contain clipboards."""
STALL_MAX = 15.0
"""Seconds without any progress of the disk, in addition to `journal.sync_interval` unless settings
are strict, after which it counts as failed: it hangs."""
SLOW_PAUSE = 0.1
"""Seconds until a journal that is too slow is tried again."""
REFUSALS_MAX = 1000
"""Maximum refusals in `REFUSALS_PERIOD` that have their own entry; others are counted, so that
nobody can fill the disk without being admitted."""
REFUSALS_PERIOD = 60.0
CLOSE_TIMEOUT = 5.0
"""Seconds for what waits at the end."""

log = logging.getLogger("guacr.audit")


@dataclass(frozen=True, slots=True)
class _Entry:
    payload: bytes
    session: str


@dataclass(frozen=True, slots=True)
class _Waiter:
    number: int
    """The entry to wait for, and all before it."""
    proceed: Callable[[], None]
    fail: Callable[[GuacrError], None]


class Auditor(Observer):
    """Writes an entry for each event of a registry's sessions to a journal, which reports outcomes
    on the event loop.

    If the journal cannot be written, strict settings end the sessions whose entries are concerned.
    Otherwise sessions go on, and what exceeds `PENDING_MAX` entries by then is in the daemon's log.
    """

    def __init__(
        self, journal: Journal, registry: SessionRegistry, settings: AuditSettings
    ) -> None:
        self.settings = settings
        self._journal = journal
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._stream: LogStream | None = None
        self._number = 0
        self._pending: dict[int, _Entry] = {}
        """Entries that are not durable yet, in order."""
        self._bytes = 0
        """The size of these entries."""
        self._unsent: deque[int] = deque()
        """Those that the journal has not accepted."""
        self._waiters: deque[_Waiter] = deque()
        self._held: dict[Link, int] = {}
        """Clients that wait for an entry."""
        self._all_held = False
        self._failures = 0
        self._failure: WriteError | None = None
        self._watch: asyncio.TimerHandle | None = None
        """Expires if the disk makes no progress; None if nothing is expected of it."""
        self._is_stalled = False
        """True if the disk hangs. The journal still has entries that it may yet write."""
        self._spilled = 0
        self._timer: asyncio.TimerHandle | None = None
        self._refusals = Quota(REFUSALS_MAX, REFUSALS_PERIOD, self._loop.time)
        self._idle = asyncio.Event()

    # ---- Observer

    @property
    @override
    def is_strict(self) -> bool:
        return self.settings.strict

    @override
    def check(self) -> None:
        if self._failure is not None and self.is_strict:
            raise _refusal(self._failure)
        if self._all_held:
            raise BusyError("the audit log's disk is too slow: try again later")

    @override
    def observe(self, event: Event) -> None:
        is_refusal = isinstance(event, Refused | AccessRefused)
        if is_refusal and not self._refusals.admits(self._add_excess):
            return
        session = getattr(event, "session", "")
        self._add(values_of(event), session)
        if self.is_strict:
            self._hold(session, getattr(event, "user", ""))

    @override
    def when_durable(self, proceed: Callable[[], None], fail: Callable[[GuacrError], None]) -> None:
        if not self.is_strict or not self._pending:
            proceed()
        elif self._failure is not None:
            fail(_refusal(self._failure))
        else:
            self._waiters.append(_Waiter(self._number, proceed, fail))

    async def close(self) -> None:
        """Wait, for a limited time, until all entries are durable; the rest is in the log."""
        if self._stream is not None and self._pending:
            self._idle.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), CLOSE_TIMEOUT)
        if self._timer is not None:
            self._timer.cancel()
        self._stop_watch()
        self._failures += 1  # nothing more is reported
        self._spill(everything=True)
        self._release(all_clients=True)
        if self._stream is not None:
            with suppress(WriteError):
                self._journal.append(self._stream, b"", reserved=True)

    # ---- entries

    def _add(self, values: dict[str, object], session: str = "") -> None:
        self._number += 1
        number = f"{self._journal.epoch}-{self._number}"
        entry = _Entry(encode(number, time.time(), values), session)
        self._pending[self._number] = entry
        self._bytes += len(entry.payload)
        self._unsent.append(self._number)
        self._send()
        if self._failure is not None:
            self._spill()
            if self.is_strict:
                self._loop.call_soon(self._end_session, session, self._failure)
        elif self._has(PENDING_MAX, PENDING_BYTES) and not self._all_held:
            self._hold_all()

    def _has(self, entries: int, size: int) -> bool:
        """Return whether so many entries, or bytes of them, are pending."""
        return len(self._pending) >= entries or self._bytes >= size

    def _add_excess(self, count: int) -> None:
        self._add({"event": "more-refused", "count": count})

    def _send(self) -> None:
        """Pass entries to the journal, as far as it accepts them."""
        if self._failure is not None:
            return
        try:
            if self._stream is None:
                self._stream = self._journal.open_stream(AUDIT, {})
            while self._unsent:
                number = self._unsent[0]
                self._journal.append(
                    self._stream,
                    self._pending[number].payload,
                    on_durable=partial(self._outcome, self._failures, number),
                    urgent=self.is_strict,
                    reserved=True,
                )
                self._unsent.popleft()
                if self._watch is None:
                    self._watch_disk()
        except OverflowedError:
            self._again_in(SLOW_PAUSE)
        except WriteError as error:
            self._failed(error)

    def _outcome(self, failures: int, number: int, error: WriteError | None) -> None:
        if failures != self._failures:
            return
        if error is not None:
            self._failed(error)
            return
        self._stop_watch()
        entry = self._pending.pop(number, None)
        if entry is not None:  # it may be in the log instead
            self._bytes -= len(entry.payload)
        if self._is_stalled:
            self._go_on()
        if len(self._pending) > len(self._unsent):
            self._watch_disk()
        while self._waiters and self._waiters[0].number <= number:
            _proceed(self._waiters.popleft())
        self._release()
        if not self._pending:
            self._idle.set()

    # ---- failures

    def _failed(self, error: WriteError) -> None:
        """Keep all entries, and write them later in a new stream."""
        self._failures += 1
        self._stream, self._is_stalled = None, False
        self._stop_watch()
        self._unsent = deque(self._pending)
        self._give_up(error)
        self._again_in(RETRY)

    def _give_up(self, error: WriteError) -> None:
        """End what waits for entries: they cannot be written now."""
        log.error("the audit log cannot be written: %s", error)
        self._failure = error
        self._release(all_clients=True)
        if self.is_strict:
            for session in {entry.session for entry in self._pending.values()}:
                self._loop.call_soon(self._end_session, session, error)
            waiters, self._waiters = self._waiters, deque()
            for waiter in waiters:
                waiter.fail(_refusal(error))
        self._spill()

    # ---- a disk that hangs

    def _watch_disk(self) -> None:
        patience = STALL_MAX + (0.0 if self.is_strict else self._journal.sync_interval)
        self._watch = self._loop.call_later(patience, self._stalled)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _stalled(self) -> None:
        """Note that the disk hangs; the journal is given nothing more until it goes on."""
        self._is_stalled = True
        self._give_up(WriteError("the journal's disk does not answer: repair it"))

    def _go_on(self) -> None:
        """Note that the disk has answered."""
        log.warning("the audit log's disk answers again")
        self._is_stalled = False
        self._again()

    def _end_session(self, name: str, error: WriteError) -> None:
        session = self._registry.sessions.get(name)
        if session is not None:
            session.close(_refusal(error))

    def _again_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._again)

    def _again(self) -> None:
        self._timer = None
        if self._is_stalled:
            return  # until the disk answers
        was_failing, self._failure = self._failure is not None, None
        if was_failing and self._spilled:
            self._add({"event": "more-in-log", "count": self._spilled})
            self._spilled = 0
        self._send()

    def _spill(self, *, everything: bool = False) -> None:
        """Log the oldest entries instead of keeping too many of them."""
        while self._pending and (everything or self._has(PENDING_MAX + 1, PENDING_BYTES + 1)):
            number = next(iter(self._pending))
            entry = self._pending.pop(number)
            self._bytes -= len(entry.payload)
            if self._unsent and self._unsent[0] == number:
                self._unsent.popleft()
            log.error("not in the audit log: %s", entry.payload.decode())
            self._spilled += 1

    # ---- clients

    def _hold(self, session: str, user: str) -> None:
        """Read nothing from a user until its last entry is durable."""
        found = self._registry.sessions.get(session)
        if found is None or self._failure is not None:
            return
        for one in found.users:
            if one.id == user:
                self._held[one.link] = self._number
                one.link.hold(Hold.AUDIT)

    def _hold_all(self) -> None:
        log.warning("the audit log's disk is too slow: clients wait for it")
        self._all_held = True
        for session in self._registry.sessions.values():
            for user in session.users:
                self._held.setdefault(user.link, 0)
                user.link.hold(Hold.AUDIT)

    def _release(self, *, all_clients: bool = False) -> None:
        """Read again from the clients that need not wait any longer."""
        if all_clients or not self._has(PENDING_MAX // 2 + 1, PENDING_BYTES // 2 + 1):
            self._all_held = False
        if self._all_held:
            return
        first = next(iter(self._pending), self._number + 1)
        for link, number in list(self._held.items()):
            if all_clients or number < first:
                del self._held[link]
                link.release(Hold.AUDIT)


def _proceed(waiter: _Waiter) -> None:
    try:
        waiter.proceed()
    except Exception:
        log.exception("an action that waited for the audit log failed")
        waiter.fail(InternalError())


def _refusal(error: WriteError) -> BusyError:
    return BusyError(f"the audit log cannot be written, so nothing may be done: {error}")
