"""Frames of a session: made once for all viewers, each sent what it is ready for."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from math import inf
from typing import TYPE_CHECKING

from guacr.display.encoder import Encoding
from guacr.display.plan import Plan
from guacr.errors import InternalError
from guacr.protocol.instruction import encode
from guacr.session.clock import FrameClock
from guacr.session.user import User

if TYPE_CHECKING:
    from guacr.session.session import Session

INLINE_COST = 0.003
"""Seconds that encoding a frame may hold the event loop; costlier frames go to a thread."""
LAST_COST = 0.03
"""The same for the last picture of a session that ends: it is sent at once or not at all."""
REFINE_DELAY = 0.3
"""Seconds without change after which lossy areas are sent again without loss."""
SLOW_LAG = 0.75
"""Seconds behind the quickest viewer beyond which a viewer misses frames, and is then sent the
whole picture: what waits for it would only make it later."""

Frame = bytes | None


class Frames:
    """Sends the difference from the last frame to viewers that have that one, and the whole
    picture to those that have not: joining and catching up are the same."""

    __slots__ = ("_clock", "_executor", "_last_timestamp", "_loop", "_refine", "_session")

    def __init__(self, session: Session, executor: Executor) -> None:
        self._session = session
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._clock = FrameClock(session.settings.display.frame_rate, self._tick, self._lag)
        self._refine: asyncio.TimerHandle | None = None
        self._last_timestamp = 0

    def wake(self) -> None:
        """Something may have to be sent."""
        self._clock.wake()

    def wake_later(self) -> None:
        """The same, but within a frame's time the host will have more."""
        self._clock.wake_later()

    def attend(self) -> None:
        """Somebody has pressed a key, and looks for what it does."""
        self._clock.attend()

    def welcome(self) -> None:
        """A user has joined, and sees nothing yet."""
        self._clock.hurry()

    def worked(self, seconds: float) -> None:
        """The handler has spent so long on its host's output."""
        self._clock.work += seconds

    def viewer_moved(self) -> None:
        """A viewer acknowledged a frame, or took what was buffered for it."""
        if self._clock.pending or any(user.stale for user in self._session.users.values()):
            self._clock.viewer_moved()

    def stop(self) -> None:
        """Send what was drawn last, and then nothing more."""
        if not self._clock.busy:
            self._tick()
        self._clock.stop()
        if self._refine is not None:
            self._refine.cancel()

    def timestamp(self) -> int:
        """Milliseconds on the event loop's clock, never before the last frame's."""
        return max(int(self._loop.time() * 1000), self._last_timestamp)

    # ---- one frame

    def _lag(self) -> float:
        now = self._loop.time()
        users = self._session.users.values()
        return min((user.pacing.lag(now) for user in users if not user.stale), default=0.0)

    def _tick(self) -> bool:
        """Make the next frame, if there is something to send and somebody to send it to."""
        self._skip_slow_users()
        users = self._session.users.values()
        display = self._session.display
        display.before_frame()
        fresh = [user for user in users if not user.stale]
        newcomers = [user for user in users if user.stale and _has_drained(user)]
        if not newcomers and not (fresh and display.changed):
            return False
        change = None
        if fresh:
            change = display.plan(self._loop.time())
        else:
            display.skip(self._loop.time())
        whole = display.plan_full() if newcomers and display.size != (0, 0) else None
        return self._send(change, fresh, whole, newcomers)

    def _skip_slow_users(self) -> None:
        now = self._loop.time()
        users = self._session.users.values()
        quickest = min(
            (u.pacing.lag(now) for u in users if u.pacing.keeps_up and not u.stale), default=inf
        )
        for user in users:
            behind = user.pacing.lag(now) - quickest > SLOW_LAG
            if behind or user.transport.buffered > self._session.settings.session.send_high_water:
                user.stale = True

    def _send(
        self, change: Plan | None, fresh: list[User], whole: Plan | None, newcomers: list[User]
    ) -> bool:
        plans = [plan for plan in (change, whole) if plan is not None]
        if not plans:
            return False
        encoding = self._encoding(fresh + newcomers)

        def encode_all() -> tuple[Frame, Frame]:
            return (
                None if change is None else change.encode(encoding),
                None if whole is None else whole.encode(encoding),
            )

        cost = sum(plan.cost(encoding) for plan in plans)
        if cost <= (LAST_COST if self._session.closed else INLINE_COST):
            self._sent(encode_all(), fresh, newcomers)
            return True
        if self._session.closed:
            return False
        self._clock.busy = True
        for plan in plans:
            plan.detach()
        job = asyncio.wrap_future(self._executor.submit(encode_all), loop=self._loop)
        job.add_done_callback(lambda done: self._encoded(done, fresh, newcomers))
        return True

    def _encoded(
        self,
        done: asyncio.Future[tuple[Frame, Frame]],
        fresh: list[User],
        newcomers: list[User],
    ) -> None:
        if self._session.closed or done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._session.log.error("encoding failed", exc_info=error)
            self._session.close(InternalError())
            return
        self._sent(done.result(), fresh, newcomers)
        self._clock.done()

    def _sent(self, frames: tuple[Frame, Frame], fresh: list[User], newcomers: list[User]) -> None:
        self._last_timestamp = max(self.timestamp(), self._last_timestamp + 1)
        sync = encode("sync", self._last_timestamp, 1)
        change, whole = frames
        if change is not None:
            for user in self._present(fresh):
                self._send_to(user, change + sync, whole=False)
        if whole is not None:
            for user in self._present(newcomers):
                disposals = self._session.display.disposals(user.layers)
                self._send_to(user, disposals + whole + sync, whole=True)
        self._refine_later()

    def _present(self, users: list[User]) -> list[User]:
        """Those who have not left while the frame was being made."""
        return [user for user in users if user.id in self._session.users]

    def _send_to(self, user: User, message: bytes, *, whole: bool) -> None:
        user.stale = False
        user.layers = self._session.display.shown
        user.pacing.sent(self._last_timestamp, self._loop.time(), whole=whole)
        user.send(message)

    def _encoding(self, users: list[User]) -> Encoding:
        now = self._loop.time()
        display = self._session.settings.display
        accepted = [frozenset(user.info.image) for user in users if user.info.image]
        return Encoding(
            format=display.image_format,
            quality=display.quality,
            accepted=frozenset.intersection(*accepted) if accepted else frozenset(),
            lag=max((user.pacing.lag(now) for user in users), default=0.0),
        )

    # ---- a lossless picture once it rests

    def _refine_later(self) -> None:
        if self._refine is None and self._session.display.lossy and not self._session.closed:
            self._refine = self._loop.call_later(REFINE_DELAY, self._refine_now)

    def _refine_now(self) -> None:
        self._refine = None
        self._session.display.refine(self._loop.time(), REFINE_DELAY)
        self.wake()
        self._refine_later()


def _has_drained(user: User) -> bool:
    """Whether a viewer has taken everything that it was sent."""
    waiting = user.pacing.acknowledged and user.pacing.in_flight
    return not waiting and user.transport.buffered == 0
