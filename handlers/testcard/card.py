"""The whole test card: a framebuffer, its still parts and its moving parts."""

from __future__ import annotations

from guacr.api import Budget, FrameBuffer
from handlers.testcard.layout import Layout
from handlers.testcard.motion import MOTIONS
from handlers.testcard.panel import InputPanel
from handlers.testcard.params import TestcardParams
from handlers.testcard.parts import Clock, Part, Scroller, Video, Window
from handlers.testcard.picture import paint


class Card:
    """A card of `width` by `height` pixels. Creating one takes tens of milliseconds, and may be
    done on another thread."""

    def __init__(
        self, width: int, height: int, params: TestcardParams, memory: Budget | None = None
    ) -> None:
        self._memory, self._taken = memory, 0
        layout = Layout(width, height)
        self.surface = FrameBuffer(width, height, memory)
        paint(self.surface, layout, params)
        self.panel = InputPanel(layout)
        self._parts: list[Part] = []
        if params.motion != "none":
            motion = MOTIONS[params.motion]
            if memory is not None:
                size = motion.pictures * self.surface.array.nbytes
                memory.take(size, "a picture that moves as a whole")
                self._taken = size
            self._parts.append(motion(self.surface))
            return
        if params.scrolling_text:
            self._parts.append(Scroller(layout))
        if params.moving_window:
            self._parts.append(Window(layout, self.surface))
        if params.noise:
            self._parts.append(Video(layout))
        if params.clock:
            self._parts.append(Clock(layout, params.frame_rate))

    def __del__(self) -> None:
        if self._memory is not None:
            self._memory.give_back(self._taken)

    def advance(self, seconds: float) -> None:
        """Draw all moving parts as they are `seconds` after the start."""
        for part in self._parts:
            part.draw(self.surface, seconds)
