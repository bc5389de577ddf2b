"""Frames of a session, each made once for all viewers that are ready for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from math import inf
from time import perf_counter

from guacr.display.display import Display
from guacr.display.encoder import PNG, Encoding, Quality
from guacr.display.plan import Plan
from guacr.protocol.instruction import encode
from guacr.session.counters import Counters
from guacr.session.frames.clock import LAG_MAX, FrameClock
from guacr.session.frames.viewer import Viewer
from guacr.settings.models import Settings

INLINE_COST = 0.003
"""Seconds for which encoding a frame may hold the event loop; expensive frames go to a thread."""
LAST_COST = 0.03
"""The same for the last picture of a session that ends: it is sent at once or not at all."""
HURRY, TOOK_DECAY = 0.03, 0.9
"""Seconds of encoding from which nothing more is done to save bytes, and the factor by which they
count less with each frame."""
REFINE_DELAY = 0.3
"""Seconds without change after which lossy areas are sent again losslessly."""
REFINE_EVERY, REFINE_SOON = 0.1, 0.02
"""Seconds between two parts of them, and if nothing moves."""
LOW_QUALITY_LAG = 0.15
"""Seconds of lag for which pictures of low quality are encoded; then a host's own files are
not sent unchanged, either (`encoder.LAG_FOR_FILES`)."""
SLOW_LAG = 0.75
"""Seconds behind the quickest viewer beyond which a viewer misses frames, and is then sent the
whole picture: queued frames would only make it later."""

KEY_EFFECT_MAX = 5.0
"""Seconds after a key within which a frame counts as its effect: not all keys change the
picture."""

Frame = Sequence[bytes] | None
"""The parts of a frame, which are joined once, with the `sync`: a frame may have megabytes."""


class Frames:
    """Sends the difference to the last frame to viewers that have the last frame, and the whole
    picture to all others: joining and catching up are the same.

    Nothing is sent before `open`. `failed` is called with the error if a frame cannot be made. What
    is made is counted in `counters`.
    """

    __slots__ = (
        "_clock", "_counters", "_created", "_display", "_encoding_task", "_encoding_took",
        "_executor", "_failed", "_is_open", "_key_at", "_last_timestamp", "_loop", "_quality",
        "_refinement", "_settings", "_stopped", "_stopping", "_viewers", "on_first_frame",
    )  # fmt: skip

    def __init__(
        self,
        display: Display,
        settings: Settings,
        executor: Executor,
        failed: Callable[[BaseException], None],
        counters: Counters | None = None,
    ) -> None:
        self._counters = counters or Counters()
        self._display = display
        self._settings = settings
        self._executor = executor
        self._failed = failed
        self._viewers: dict[Viewer, None] = {}
        self._is_open = False
        self._quality = Quality.AUTOMATIC
        self._stopping = False
        self._stopped = False
        self._encoding_task: asyncio.Task[None] | None = None
        self._encoding_took = 0.0
        """The seconds that threads took for the slowest of the last frames."""
        self._loop = asyncio.get_running_loop()
        self._created = self._loop.time()
        self.on_first_frame: Callable[[], None] | None = None
        """Called once, when the first frame has been sent."""
        self._key_at: float | None = None
        """The time of the first key since the last frame."""
        self._clock = FrameClock(settings.display.frame_rate, self._tick, self._lag)
        self._refinement: asyncio.TimerHandle | None = None
        self._last_timestamp = 0

    def open(self) -> None:
        """Send frames from now on."""
        self._is_open = True
        self._counters.connect.observe(self._loop.time() - self._created)
        self._clock.run_soon()

    def add(self, viewer: Viewer) -> None:
        """Send a new viewer the whole picture, as soon as there is one, and then the changes."""
        self._viewers[viewer] = None
        self._clock.run_soon()

    def remove(self, viewer: Viewer) -> None:
        """Send nothing more to a viewer."""
        self._viewers.pop(viewer, None)

    @property
    def viewers(self) -> list[Viewer]:
        """The viewers that are sent the picture now."""
        return list(self._viewers)

    @property
    def behind(self) -> int:
        """The number of viewers that get no frames until they have received everything."""
        return sum(viewer.stale for viewer in self._viewers) if self._is_open else 0

    def wake(self) -> None:
        """Report a change: something may have to be sent."""
        self._clock.wake()

    def wake_later(self) -> None:
        """Report a change after which the host will send more within a frame's time."""
        self._clock.wake_later()

    def note_key(self, *, shows: bool = True) -> None:
        """Note that somebody has pressed a key and waits for its effect; without `shows`, it cannot
        be expected to change the picture."""
        if shows and self._key_at is None:
            self._key_at = perf_counter()
        self._clock.note_key()

    async def give_way(self, limit: float) -> None:
        """Let a frame that is due take what has been drawn; before that, wait for at most `limit`
        seconds, if any, until the previous one has been encoded."""
        if self._encoding_task is not None and limit > 0:
            await asyncio.wait([self._encoding_task], timeout=limit)
        await asyncio.sleep(0)

    def set_quality(self, quality: Quality) -> None:
        """Set the quality of everything that is sent from now on."""
        self._quality = quality

    def set_cost_factor(self, factor: float) -> None:
        """Set the minimum pause after a frame, as a multiple of its cost
        (`ProtocolHandler.cost_factor`)."""
        self._clock.cost_factor = factor

    def worked(self, seconds: float) -> None:
        """Report time that the handler has spent on its host's output."""
        self._clock.work += seconds

    def viewer_moved(self) -> None:
        """Check again after a viewer acknowledged a frame or received buffered data."""
        if self._clock.pending or any(viewer.stale for viewer in self._viewers):
            self._clock.viewer_moved()

    def probe(self) -> None:
        """Send a `sync` without a frame to viewers that have acknowledged all frames: their lag
        then shows how late other data reaches them."""
        idle = [v for v in self._viewers if not v.stale and not v.pacing.in_flight]
        if self._stopped or not idle:
            return
        self._last_timestamp = max(self.timestamp(), self._last_timestamp + 1)
        for viewer in idle:
            viewer.pacing.sent(self._last_timestamp, self._loop.time())
            viewer.send(encode("sync", self._last_timestamp, 0))

    def stop(self) -> None:
        """Send the last picture, and then nothing more."""
        self._stopping = True
        if not self._clock.busy:
            self._tick()
        self._stopped = True
        self._clock.stop()
        self._viewers.clear()
        self._failed = _nobody
        self.on_first_frame = None
        if self._encoding_task is not None:
            self._encoding_task.cancel()
        if self._refinement is not None:
            self._refinement.cancel()

    def timestamp(self) -> int:
        """Return milliseconds on the event loop's clock, never before the last frame's."""
        return max(int(self._loop.time() * 1000), self._last_timestamp)

    # ---- one frame

    def _lag(self) -> float:
        now = self._loop.time()
        viewers = [viewer for viewer in self._viewers if not viewer.stale]
        pacing = [viewer.pacing for viewer in viewers if viewer.sets_pace]
        waits = (LAG_MAX if pace.is_full(now) else pace.lag(now) for pace in pacing)
        return min(waits, default=0.0)

    def _tick(self) -> bool:
        """Make the next frame, and return whether there was one; if that fails, there are no
        more."""
        if not self._is_open:
            return False
        try:
            return self._make()
        except Exception as error:  # noqa: BLE001 - the session logs it
            self._is_open = False
            self._failed(error)
            return False

    def _make(self) -> bool:
        """Make the next frame, if there is something to send and a viewer to receive it."""
        self._skip_slow_viewers()
        ready = [viewer for viewer in self._viewers if viewer.may_be_sent or self._stopping]
        if not any(viewer.sets_pace for viewer in ready) and len(ready) < len(self._viewers):
            return False  # `wake` follows when one may be sent more
        display = self._display
        display.before_frame()
        fresh = [viewer for viewer in ready if not viewer.stale]
        stale = [viewer for viewer in ready if viewer.stale and _has_drained(viewer)]
        if not stale and not (fresh and display.changed):
            return False
        for viewer in self._viewers.keys() - set(ready):
            viewer.stale = True  # it misses this frame
        change = None
        if fresh:
            change = display.plan(self._loop.time())
        else:
            display.skip(self._loop.time())
        whole = None
        if stale and display.size != (0, 0):
            whole = display.plan_full(exact=all(viewer.wants_exact for viewer in stale))
        return self._send(change, fresh, whole, stale)

    def _skip_slow_viewers(self) -> None:
        now = self._loop.time()
        paces = [v.pacing for v in self._viewers if v.pacing.keeps_up and not v.stale]
        quickest = min((pace.lag(now) for pace in paces), default=inf)
        for viewer in self._viewers:
            behind = viewer.pacing.lag(now) - quickest > SLOW_LAG
            if behind or viewer.buffered > self._settings.session.send_high_water:
                viewer.stale = True

    def _send(
        self, change: Plan | None, fresh: list[Viewer], whole: Plan | None, stale: list[Viewer]
    ) -> bool:
        plans = [plan for plan in (change, whole) if plan is not None]
        if not plans:
            return False
        encoding = self._encoding(fresh + stale)
        cost = sum(plan.cost(encoding) for plan in plans)
        if cost <= (LAST_COST if self._stopping else INLINE_COST):
            made, begun = (change, whole), perf_counter()
            frames = [None if plan is None else [plan.encode(encoding)] for plan in made]
            self._counters.encoding.observe(perf_counter() - begun)
            self._sent(frames, fresh, stale)
            return True
        if self._stopping:
            return False
        self._clock.busy = True
        for plan in plans:
            plan.detach()
        work = self._encode((change, whole), encoding, fresh, stale)
        self._encoding_task = self._loop.create_task(work, name="encoding")
        self._encoding_task.add_done_callback(self._encoded)
        return True

    async def _encode(
        self,
        plans: tuple[Plan | None, Plan | None],
        encoding: Encoding,
        fresh: list[Viewer],
        stale: list[Viewer],
    ) -> None:
        """Encode on threads, in parallel if there is enough work."""
        begun = self._loop.time()
        frames: list[Frame] = []
        run = self._loop.run_in_executor
        for plan in plans:
            if plan is None:
                frames.append(None)
                continue
            shares = plan.shares(encoding)
            if len(shares) > 1:
                await run(self._executor, plan.prepare)
            frames.append(await asyncio.gather(*(run(self._executor, share) for share in shares)))
            plan.settle()
        took = self._loop.time() - begun
        self._encoding_took = max(took, self._encoding_took * TOOK_DECAY)
        self._counters.encoding.observe(took)
        self._sent(frames, fresh, stale)

    def _encoded(self, done: asyncio.Task[None]) -> None:
        self._encoding_task = None
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._failed(error)
        elif not self._stopped:
            self._clock.done()

    def _sent(self, frames: Sequence[Frame], fresh: list[Viewer], stale: list[Viewer]) -> None:
        self._last_timestamp = max(self.timestamp(), self._last_timestamp + 1)
        sync = encode("sync", self._last_timestamp, 1)
        change, whole = frames
        self._counters.frames += 1
        # A change is empty if everything was redrawn identically.
        if change is not None and any(change):
            self._note_effect()
            message = b"".join((*change, sync))
            for viewer in self._present(fresh):
                self._send_to(viewer, message, whole=False)
        if whole is not None:
            message = b"".join((*whole, sync))
            for viewer in self._present(stale):
                disposals = self._display.disposals(viewer.layers)
                self._send_to(viewer, disposals + message if disposals else message, whole=True)
        if self.on_first_frame is not None:
            call, self.on_first_frame = self.on_first_frame, None
            call()
        self._refine_later()

    def _note_effect(self) -> None:
        """Count how long a key has waited for this frame."""
        if self._key_at is not None:
            took, self._key_at = perf_counter() - self._key_at, None
            if took <= KEY_EFFECT_MAX:
                self._counters.key_to_frame.observe(took)

    def _present(self, viewers: list[Viewer]) -> list[Viewer]:
        """Return the viewers that have not left while the frame was being made."""
        return [viewer for viewer in viewers if viewer in self._viewers]

    def _send_to(self, viewer: Viewer, message: bytes, *, whole: bool) -> None:
        viewer.stale = False
        viewer.layers = self._display.shown
        viewer.pacing.sent(self._last_timestamp, self._loop.time(), len(message), whole=whole)
        viewer.send_frame(message, whole=whole)

    def _encoding(self, viewers: list[Viewer]) -> Encoding:
        now = self._loop.time()
        display = self._settings.display
        accepted = [viewer.image_types for viewer in viewers if viewer.image_types]
        lags = [max(v.pacing.lag(now), v.pacing.strain) for v in viewers]
        if self._quality is Quality.LOW:
            lags.append(LOW_QUALITY_LAG)
        return Encoding(
            format="png" if self._quality is Quality.LOSSLESS else display.image_format,
            quality=display.quality,
            accepted=frozenset.intersection(*accepted) | {PNG} if accepted else frozenset(),
            lag=max(lags, default=0.0),
            hurried=self._encoding_took > HURRY,
        )

    # ---- lossless refinement

    def _refine_later(self, pause: float = REFINE_EVERY) -> None:
        if self._refinement is None and not self._display.refined and not self._stopping:
            self._refinement = self._loop.call_later(pause, self._refine_now)

    def _refine_now(self) -> None:
        self._refinement = None
        goes_on = self._display.refine(self._loop.time(), REFINE_DELAY)
        self.wake()
        self._refine_later(REFINE_SOON if goes_on else REFINE_EVERY)


def _has_drained(viewer: Viewer) -> bool:
    """Return whether a viewer has received everything that it was sent."""
    waiting = viewer.pacing.acknowledged and viewer.pacing.in_flight
    return not waiting and viewer.buffered == 0


def _nobody(error: BaseException) -> None:
    """Ignore errors after the session has ended."""
