"""The screen of a terminal as its users see it, which follows output and input frame by frame."""

from __future__ import annotations

from collections.abc import Callable

from guacr.api import SessionContext
from handlers.terminal.blink import Blink
from handlers.terminal.finder import Finder
from handlers.terminal.idle_trim import IdleTrim
from handlers.terminal.synchronized import SynchronizedOutput
from handlers.terminal.view import TerminalView
from terminal.input.pointing import Pointer
from terminal.terminal import Terminal


class Screen:
    """Shows a terminal on the display of a session.

    Args:
        session: its display has no content yet.
        terminal: what is shown.
        window_changed: called with the new size of the screen, as `window` gives it.
    """

    __slots__ = (
        "_blink",
        "_fed",
        "_idle_trim",
        "_session",
        "_stale",
        "_synchronized",
        "_terminal",
        "_view",
        "_window_changed",
        "finder",
    )

    def __init__(
        self,
        session: SessionContext,
        terminal: Terminal,
        window_changed: Callable[[int, int, int, int], None],
    ) -> None:
        self._session = session
        self._terminal = terminal
        self._window_changed = window_changed
        emulator = terminal.emulator
        self.finder = Finder(emulator)
        """Searches the scrollback; `refresh` follows."""
        self._synchronized = SynchronizedOutput(terminal.surface, emulator, session.changed)
        self._view = TerminalView(session.display, terminal, self._synchronized, self.finder)
        self._idle_trim = IdleTrim(terminal)
        self._blink = Blink(emulator, session.changed)
        self._fed = self._stale = False
        session.display.before_frame = self._before_frame
        self._report_size()

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The columns and rows of the screen, and its width and height in pixels."""
        layout = self._terminal.layout
        return layout.columns, layout.rows, layout.text.width, layout.text.height

    def fed(self, size: int) -> None:
        """Note that the terminal has parsed `size` bytes of output."""
        self._idle_trim.grew(size)
        self._fed = True
        self._session.changed()

    def refresh(self) -> None:
        """Note that the view may have changed."""
        self._stale = True
        self._session.changed()

    def seen(self) -> tuple[int, Pointer]:
        """Return the parts of the view that a key may change."""
        return self._terminal.emulator.revision, self._terminal.pointing.shape

    def key_pressed(self, before: tuple[int, Pointer], *, is_sent: bool) -> None:
        """Note that a key was pressed. `before` is what was `seen` then; if the key is sent to the
        host, its own effect should appear in the frame of the host's response."""
        self._idle_trim.used()
        self._blink.restart()
        if self.seen() == before:
            return
        if is_sent:
            self._stale = True
            self._session.changed_by_input()
        else:
            self.refresh()

    def rearrange(self, change: Callable[[], None]) -> None:
        """Make a change of the window's size, the font or the colours."""
        before = self.window
        self._synchronized.release()
        change()
        self._view.rearrange()
        self._session.changed()
        if self.window != before:
            self._report_size()
            self._window_changed(*self.window)

    def close(self) -> None:
        """Stop permanently; the terminal is not closed."""
        self._idle_trim.stop()
        self._blink.stop()
        self._synchronized.release()
        self.finder.stop()

    def _before_frame(self) -> None:
        """Do what follows from output and input, once per frame instead of once per packet."""
        if self._fed:
            self._fed = False
            self._synchronized.check()
            self._stale = True
        if self._stale:
            self._stale = False
            self._idle_trim.used()
            self._blink.restart()
            self._view.refresh()

    def _report_size(self) -> None:
        columns, rows, _, _ = self.window
        self._session.resized_text(columns, rows)
