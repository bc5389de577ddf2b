"""Shows a worker's pictures on a session's display."""

from __future__ import annotations

import numpy as np

from guacr.api import Rect, SessionContext, SharedSurface, cursor
from handlers.rdp.channel.codec import ChannelError, Message
from handlers.rdp.channel.messages import (
    CURSOR_SIDE_MAX,
    CursorDefault,
    CursorMoved,
    CursorShape,
    Painted,
    Sized,
)
from handlers.rdp.engine import Engine


class Progress:
    """How far a worker has come, apart from the session, which the surface must not keep in
    memory."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.reported = 0
        """The number of the last change that the worker has reported."""

    def is_ahead(self) -> bool:
        """Return whether the worker has drawn what it has not reported."""
        return self.engine is not None and self.engine.painting != self.reported


class Desktop:
    """The picture of a desktop, which stays when the connection is lost."""

    def __init__(self, session: SessionContext) -> None:
        self._session = session
        self._surface: SharedSurface | None = None
        self._progress = Progress()

    @property
    def is_shown(self) -> bool:
        """True if there is a picture."""
        return self._surface is not None

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels; zeros if there is no picture."""
        return (0, 0) if self._surface is None else self._surface.size

    def begin(self, engine: Engine) -> None:
        """Show the pictures of a worker from now on."""
        self._progress.engine, self._progress.reported = engine, 0

    def end(self) -> None:
        """Keep the last picture, in the worker's memory, which is not freed before: the worker
        ends."""
        self._progress.engine = None

    def handle(self, message: Message) -> None:
        """Handle a message that affects the picture.

        Raises:
            ChannelError: it is invalid.
            GuacrError: the picture cannot be shown.
        """
        match message:
            case Painted():
                self._paint(message)
            case Sized():
                self._resize(message.width, message.height)
            case CursorShape():
                self._show_cursor(message)
            case CursorDefault():
                self._session.display.set_cursor(cursor.POINTER)
                self._session.changed()
            case CursorMoved():
                self._session.move_pointer(message.x, message.y)

    def _resize(self, width: int, height: int) -> None:
        engine = self._progress.engine
        if engine is None:
            return
        is_first = self._surface is None
        if self._surface is None:
            self._surface = SharedSurface(self._session.memory, self._progress.is_ahead)
        self._surface.show(engine.pixels, width, height)
        if is_first:
            self._session.display.set_surface(self._surface)
        self._session.changed()

    def _paint(self, message: Painted) -> None:
        if self._surface is None:
            return
        for rect in message.parts():
            self._surface.touch(Rect(*rect))
        self._progress.reported = message.count
        self._session.changed()

    def _show_cursor(self, shape: CursorShape) -> None:
        shown = cursor.NONE
        if shape.width and shape.height:
            if max(shape.width, shape.height) > CURSOR_SIDE_MAX:
                raise ChannelError(f"a cursor has {shape.width}x{shape.height} pixels")
            if len(shape.rgba) != shape.width * shape.height * 4:
                raise ChannelError("a cursor has not as many bytes as pixels")
            rgba = np.frombuffer(shape.rgba, np.uint8).reshape(shape.height, shape.width, 4)
            if rgba[..., 3].any():
                hot = min(shape.hot_x, shape.width - 1), min(shape.hot_y, shape.height - 1)
                shown = cursor.Cursor(rgba, *hot)
        self._session.display.set_cursor(shown)
        self._session.changed()
