"""The whole test card: a framebuffer, what rests on it and what moves."""

from __future__ import annotations

from guacr.display.framebuffer import FrameBuffer
from handlers.testcard.layout import Layout
from handlers.testcard.panel import InputPanel
from handlers.testcard.params import TestcardParams
from handlers.testcard.parts import Clock, Part, Scroller, Video, Window
from handlers.testcard.picture import paint


class Card:
    """A card of `width` by `height` pixels. Making one takes tens of milliseconds, and may be
    done on another thread."""

    def __init__(self, width: int, height: int, params: TestcardParams) -> None:
        layout = Layout(width, height)
        self.surface = FrameBuffer(width, height)
        paint(self.surface, layout, params)
        self.panel = InputPanel(layout)
        self._parts: list[Part] = []
        if params.scrolling_text:
            self._parts.append(Scroller(layout))
        if params.moving_window:
            self._parts.append(Window(layout, self.surface))
        if params.noise:
            self._parts.append(Video(layout))
        if params.clock:
            self._parts.append(Clock(layout, params.frame_rate))

    def advance(self, seconds: float) -> None:
        """Draw all that moves as it is `seconds` after the start."""
        for part in self._parts:
            part.draw(self.surface, seconds)
