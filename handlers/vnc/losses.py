"""Losses of a server's JPEGs, which are repaired once the picture rests.

While much changes, JPEG is the quickest for the server, the network and the browsers. But RFB
servers do not have to send more precise pixels later, and most do not. So guacr requests what came
with losses once more, in parts, after it has said that it does not accept JPEG; and it accepts it
again once so much changes that precise pixels take too many bytes, and over a slow link as soon as
all is precise: there, precise pixels of a photograph take seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from guacr.api import DirtyRegion, Rect
from handlers.vnc.parts import take_part
from handlers.vnc.pointer import Pointer
from handlers.vnc.rfb import messages, numbers
from handlers.vnc.rfb.client import ClientOptions
from handlers.vnc.rfb.events import (
    Copied,
    Drawn,
    Event,
    Filled,
    Pictured,
    Resized,
    UpdateBegun,
    UpdateEnded,
)
from handlers.vnc.sender import Sender
from handlers.vnc.speed import LARGE, UpdateSpeed

REST = 0.5
"""Seconds without motion after which the picture rests."""
SMALL = 1 << 14
"""Pixels of JPEG within `REST` that are no motion: TigerVNC goes over what it has sent as JPEG by
itself, in narrow strips, as JPEG of higher quality, and over a slow link for a minute."""
WINDOW, MUCH = 0.25, 512 * 1024
"""Bytes that a server sends within so many seconds when the picture moves."""
PART, PART_MIN, PART_MAX = 1 << 16, 1 << 13, 1 << 20
"""Pixels that are requested at a time: at first, and the limits."""
QUICK, SLOW = 0.02, 0.06
"""Seconds for a part, without the link's latency, below which the next one is larger, and beyond
which it is smaller: other changes of the picture wait behind it."""
QUICK_SHARE, SLOW_SHARE = 0.5, 2.0
"""The same as multiples of the latency, if that is more: each part waits for it anyway."""
WASTE = 1 << 16
"""Pixels that are requested needlessly at most, instead of in another rectangle."""
GIVE_UP = 10.0
"""Seconds after another update at which a part is no longer expected. A server that sends nothing
at all hangs, and may still send it."""
REFUSALS_MAX = 3
"""Requests in a row that a server may answer with JPEG, or not at all; some that is already on its
way may be the first answer."""


class Losses:
    """Follows what a server sends, and requests what has come with losses.

    Args:
        sender: sends to the server.
        options: what is requested of it; JPEG is among it if there is a quality.
        pointer: what is near to it is requested first.
    """

    def __init__(self, sender: Sender, options: ClientOptions, pointer: Pointer) -> None:
        self._sender = sender
        self._pointer = pointer
        self._loop = asyncio.get_running_loop()
        self._any: Sequence[int] = options.encodings
        self._accepts_jpeg = True
        self._refusals = 0
        """Requests in a row that were answered with JPEG, or not at all."""
        self._lossy = DirtyRegion(WASTE)
        self._parts: list[Rect] = []
        """The rectangles that are still to be requested."""
        self._part: Rect | None = None
        """The rectangle that has been requested."""
        self._missing = 0
        """Its pixels that have not arrived."""
        self._beside = 0
        """Pixels beside it that the current update has brought."""
        self._requested_at = 0.0
        self._latency = 0.0
        """The least seconds from a request to the update that brought the part."""
        self._area = PART
        self._speed = UpdateSpeed()
        self._timer: asyncio.TimerHandle | None = None
        self._moved_at = 0.0
        self._jpegs = (0.0, 0)
        """When the current `REST` began, and the pixels that have come as JPEG since then."""
        self._window = (0.0, 0)
        """When the current window began, and how many bytes had been received by then."""

    def close(self) -> None:
        """Request nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def change_encodings(self, encodings: Sequence[int]) -> None:
        """Request other encodings from now on."""
        self._any = encodings
        self._accept_jpeg(True)

    def note_input(self) -> None:
        """Note that a person types or clicks: over a slow link, JPEG is accepted before the server
        answers with a new picture, which would take the link seconds otherwise."""
        if not self._speed.is_slow:
            return
        self._moved_at = self._loop.time()
        if not self._accepts_jpeg:
            self._interrupt()
            self._accept_jpeg(True)

    def note(self, events: Sequence[Event], received: int) -> None:
        """Note what has been drawn, and how many bytes the server has sent so far."""
        now = self._loop.time()
        for event in events:
            match event:
                case UpdateBegun():
                    self._beside = 0
                    self._speed.begin(now, received)
                case Pictured() if event.image.is_lossy:
                    self._note_jpeg(Rect(event.x, event.y, *event.image.size))
                case Drawn() | Filled():
                    self._note_precise(event.rect)
                case Pictured():
                    self._note_precise(Rect(event.x, event.y, *event.image.size))
                case Copied():
                    self._note_copy(event)
                case Resized():
                    self._forget()
                case UpdateEnded():
                    self._speed.note(now, received)
                    self._speed.end()
                    self._continue()
        self._speed.note(now, received)
        self._watch(received)

    # ---- motion

    def _watch(self, received: int) -> None:
        """Accept JPEG again if the server sends much, or slowly."""
        now = self._loop.time()
        begun, before = self._window
        if self._speed.is_slow and not self._accepts_jpeg:
            self._watch_slow()
        elif self._part is not None or now - begun > WINDOW:
            self._window = (now, received)
        elif received - before > MUCH and not self._accepts_jpeg:
            self._accept_jpeg(True)

    def _watch_slow(self) -> None:
        """Accept JPEG again if all is precise, or if something moves meanwhile."""
        moves = self._speed.size >= LARGE
        if self._part is None:
            moves = moves or not self._lossy
        else:
            moves = moves and self._beside >= self._part.area
        if moves:
            self._interrupt()
            self._accept_jpeg(True)

    def _accept_jpeg(self, accepted: bool) -> None:
        if accepted:
            self._refusals = 0
        self._accepts_jpeg = accepted
        wanted = [each for each in self._any if accepted or not _is_quality(each)]
        self._sender.send(messages.set_encodings(wanted))

    def _note_jpeg(self, rect: Rect) -> None:
        """Note losses, unless the server has no other answers for them."""
        is_answer = self._part is not None and rect.contains(self._part)
        if self._moves(rect) or is_answer:
            self._refusals += self._part is not None
            self._interrupt()
        if self._refusals < REFUSALS_MAX:
            self._note_losses(rect)
        else:
            self.close()
            self._forget()

    def _moves(self, rect: Rect) -> bool:
        """Count what has come as JPEG, and return whether it is motion."""
        now = self._loop.time()
        begun, area = self._jpegs
        if now - begun > REST:
            begun, area = now, 0
        self._jpegs = (begun, area + rect.area)
        if area + rect.area <= SMALL:
            return False
        self._moved_at, self._jpegs = now, (now, 0)
        return True

    def _note_losses(self, rect: Rect) -> None:
        self._lossy.add(rect)
        if self._timer is None and self._part is None:
            self._wait(REST)

    def _note_copy(self, event: Copied) -> None:
        """Note losses that have moved."""
        dx, dy = event.x - event.source.x, event.y - event.source.y
        pending = self._parts if self._part is None else (self._part, *self._parts)
        parts = [each for part in pending if (each := part.intersection(event.source)) is not None]
        moved = [rect.moved(dx, dy) for rect in [*self._lossy.within(event.source), *parts]]
        if moved:
            self._moved_at = self._loop.time()
            self._interrupt()
        for rect in moved:
            self._note_losses(rect)

    # ---- rest

    def _wait(self, seconds: float) -> None:
        self.close()
        self._timer = self._loop.call_later(seconds, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if self._speed.is_under_way:
            self._wait(REST)
            return
        if self._part is not None:
            self._give_up()
            return
        left = self._moved_at + REST - self._loop.time()
        if left > 0:
            self._wait(left)
            return
        if self._accepts_jpeg:
            self._accept_jpeg(False)
        self._parts.extend(self._lossy.take())
        self._latency = GIVE_UP
        self._request_part()

    def _request_part(self) -> None:
        if not self._parts:
            if self._lossy:
                self._wait(REST)
            return
        part = self._part = take_part(self._parts, self._area, self._pointer.place)
        self._missing = part.area
        self._requested_at = self._loop.time()
        width, height = part.width, part.height
        request = messages.request_update(width, height, part.x, part.y, incremental=False)
        self._sender.send(request)

    def _note_precise(self, rect: Rect) -> None:
        self._lossy.remove(rect)
        if self._part is not None:
            inside = rect.intersection(self._part)
            area = inside.area if inside is not None else 0
            self._missing -= area
            self._beside += rect.area - area

    def _continue(self) -> None:
        """Request the next part if one has arrived."""
        if self._part is None:
            return
        if self._missing > 0:
            if self._timer is None:
                self._wait(GIVE_UP)
            return
        self._latency = min(self._latency, max(0.0, self._speed.begun_at - self._requested_at))
        taken = self._loop.time() - self._requested_at - self._latency
        if taken < max(QUICK, QUICK_SHARE * self._latency):
            self._area = min(2 * self._area, PART_MAX)
        elif taken > max(SLOW, SLOW_SHARE * self._latency):
            self._area = max(self._area // 2, PART_MIN)
        self._part, self._refusals = None, 0
        self.close()
        self._request_part()

    def _give_up(self) -> None:
        """Begin again, unless the server has ignored several requests."""
        self._refusals += 1
        if self._refusals < REFUSALS_MAX:
            self._interrupt()
        else:
            self._refusals = 0
            self._forget()

    def _interrupt(self) -> None:
        """Begin again later, if a part is expected: there are new losses, or it has not arrived."""
        if self._part is None:
            return
        self._lossy.add(self._part)
        for rect in self._parts:
            self._lossy.add(rect)
        self._parts.clear()
        self._part = None
        self._wait(REST)

    def _forget(self) -> None:
        self._parts.clear()
        self._part = None
        self._lossy.take()


def _is_quality(encoding: int) -> bool:
    return numbers.QUALITY_0 <= encoding <= numbers.QUALITY_0 + 9
