"""The pointer in a terminal: it selects, scrolls, pastes, or is reported to the host."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from guacr.display.geometry import Rect
from terminal.drawing.layout import Layout
from terminal.drawing.scrollbar import ScrollbarDrag, ScrollbarGeometry
from terminal.engines.contents import MouseFormat, MouseTracking, Position
from terminal.engines.emulator import Emulator
from terminal.input.keymap import Modifiers
from terminal.input.mouse import (
    REAL_BUTTONS,
    WHEEL,
    WHEEL_ROWS,
    Action,
    Button,
    PointerEvent,
    report,
)
from terminal.input.person import Drag, Person
from terminal.input.selection import Edge, Selection, Unit
from terminal.text.links import Link, link_at

ALTERNATE_SCROLL = 1007
"""The DEC private mode, set by default, in which the wheel presses arrows on the alternate
screen."""
AUTOSCROLL_ROWS_MAX = 8
"""Maximum rows per step while a drag is beyond an edge."""

_UNITS = {1: Unit.CHARACTER, 2: Unit.WORD, 3: Unit.LINE}


class Pointer(Enum):
    """The shapes of the mouse pointer."""

    TEXT = "text"
    ARROW = "arrow"
    LINK = "link"
    HIDDEN = "hidden"


class Pointing:
    """The pointers of all users of a terminal.

    Args:
        emulator: the engine.
        selection: the selection that drags change.
        layout: returns the current layout.
        copy: called when a selection is complete.
        paste: returns the bytes that pasting sends.
        arrows: returns the bytes of pressing Up (negative) or Down so many times.
        follow: called when someone opens a link.
    """

    def __init__(
        self,
        emulator: Emulator,
        selection: Selection,
        layout: Callable[[], Layout],
        *,
        copy: Callable[[], None],
        paste: Callable[[Person], bytes],
        arrows: Callable[[int], bytes],
        follow: Callable[[Person, Link], None],
    ) -> None:
        self.shape = Pointer.TEXT
        self.link: Link | None = None
        """The link that the pointer was last on."""
        self._pointed: Person | None = None
        """The person who moved the pointer last."""
        self._emulator = emulator
        self._selection = selection
        self._layout = layout
        self._copy = copy
        self._paste = paste
        self._arrows = arrows
        self._follow = follow

    @property
    def scrollbar(self) -> ScrollbarGeometry:
        """The current geometry of the scroll bar."""
        return ScrollbarGeometry(self._layout().scrollbar, self._emulator.scrollbar)

    def event(self, person: Person, point: tuple[int, int], buttons: Button, now: float) -> bytes:
        """Handle a pointer event at `point`, in pixels of the window, with these buttons, at `now`
        in seconds. Return the bytes for the host."""
        pressed, released = buttons & ~person.buttons, person.buttons & ~buttons
        person.point, person.buttons = point, buttons
        self._pointed = person
        self.link = self._link_at(person)
        self.shape = self._shape_at(point)
        if person.drag is Drag.NONE:
            self._begin(person, pressed, now)
        if person.drag is Drag.HOST or (person.drag is Drag.NONE and self._is_hosts(person)):
            return self._report(person, pressed, released)
        if pressed & WHEEL:
            return self._wheel(pressed)
        if person.drag is not Drag.NONE:
            self._drag(person, released)
            return b""
        if released & (Button.MIDDLE | Button.RIGHT):
            return self._paste(person)
        return b""

    def verify(self) -> None:
        """Check whether the link is still under the pointer; called after output."""
        if self.link is not None and self._pointed is not None:
            self.link = self._link_at(self._pointed)
            if self.shape is not Pointer.HIDDEN:
                self.shape = self._shape_at(self._pointed.point)

    def beyond_edge(self, person: Person) -> int:
        """The rows that a selecting drag beyond the upper (negative) or lower edge scrolls at each
        step; 0 if it is inside."""
        if person.drag is not Drag.SELECTION:
            return 0
        layout, y = self._layout(), person.point[1]
        top, bottom = max(layout.text.y, 1), min(layout.text.bottom, layout.height - 1)
        beyond = min(y - top, 0) or max(y - bottom + 1, 0)
        rows = min(1 + 2 * abs(beyond) // layout.cell_height, AUTOSCROLL_ROWS_MAX)
        return rows if beyond > 0 else -rows if beyond < 0 else 0

    def autoscroll(self, person: Person) -> None:
        """Scroll one step of a drag beyond an edge."""
        rows = self.beyond_edge(person)
        if rows:
            self._emulator.scroll_by(rows)
            self._selection.extend(self._edge(person.point))

    # ---- the scroll bar and selections

    def _begin(self, person: Person, pressed: Button, now: float) -> None:
        bar = self.scrollbar
        if not pressed & Button.LEFT:
            return
        if not bar.hidden and _inside(bar.track, person.point):
            person.drag = Drag.SCROLLBAR
            person.grip = ScrollbarDrag(bar, person.point[1])
        elif not self._is_hosts(person):
            if self.link is not None and person.keyboard.modifiers & Modifiers.CTRL:
                self._follow(person, self.link)
                return
            person.drag = Drag.SELECTION
            self._begin_selection(person, now)

    def _begin_selection(self, person: Person, now: float) -> None:
        edge = self._edge(person.point)
        modifiers = person.keyboard.modifiers
        clicks = person.clicks.press((edge.column, edge.row), now)
        # While the host uses the mouse, Shift only keeps the event here and has no other effect.
        tracked = self._emulator.mouse_tracking is not MouseTracking.NONE
        known = self._selection.active if tracked else self._selection.begun
        if modifiers & Modifiers.SHIFT and known:
            self._selection.extend(edge)
        elif modifiers & Modifiers.ALT:
            self._selection.start(edge, Unit.RECTANGLE)
        else:
            self._selection.start(edge, _UNITS[clicks])

    def _drag(self, person: Person, released: Button) -> None:
        if person.drag is Drag.SCROLLBAR and person.grip is not None:
            self._emulator.scroll_to(person.grip.row(self.scrollbar, person.point[1]))
        elif person.drag is Drag.SELECTION:
            self._selection.extend(self._edge(person.point))
        if released & Button.LEFT:
            if person.drag is Drag.SELECTION:
                self._copy()
            person.drag, person.grip = Drag.NONE, None

    def _edge(self, point: tuple[int, int]) -> Edge:
        layout = self._layout()
        column, row = layout.cell_at(*point)
        offset = point[0] - layout.margin - column * layout.cell_width
        right = 2 * offset >= layout.cell_width
        return self._selection.edge_at(column, row + self._emulator.scrollbar.offset, right)

    def _wheel(self, pressed: Button) -> bytes:
        rows = -WHEEL_ROWS if pressed & Button.WHEEL_UP else WHEEL_ROWS
        if self._emulator.alternate_screen and self._emulator.mode(ALTERNATE_SCROLL):
            return self._arrows(rows)
        self._emulator.scroll_by(rows)
        return b""

    # ---- the host

    def _is_hosts(self, person: Person) -> bool:
        """Return whether the host receives pointer events; Shift keeps them here."""
        shift = person.keyboard.modifiers & Modifiers.SHIFT
        return not shift and self._emulator.mouse_tracking is not MouseTracking.NONE

    def _report(self, person: Person, pressed: Button, released: Button) -> bytes:
        form = self._emulator.mouse_format
        tracking = self._emulator.mouse_tracking
        reports = [
            report(self._event(person, action, button), tracking, form)
            for action, changed in ((Action.PRESS, pressed), (Action.RELEASE, released))
            for button in (*REAL_BUTTONS, Button.WHEEL_UP, Button.WHEEL_DOWN)
            if changed & button
        ]
        place = (
            person.point
            if form is MouseFormat.SGR_PIXELS
            else self._layout().cell_at(*person.point)
        )
        if not (pressed or released) and place != person.cell:
            held = next((b for b in REAL_BUTTONS if person.buttons & b), Button.NONE)
            reports.append(report(self._event(person, Action.MOVE, held), tracking, form))
        person.cell = place
        holds = any(person.buttons & button for button in REAL_BUTTONS)
        person.drag = Drag.HOST if holds else Drag.NONE
        return b"".join(reports)

    def _event(self, person: Person, action: Action, button: Button) -> PointerEvent:
        layout = self._layout()
        column, row = layout.cell_at(*person.point)
        x = min(max(person.point[0] - layout.text.x, 0), layout.text.width - 1)
        y = min(max(person.point[1] - layout.text.y, 0), layout.text.height - 1)
        return PointerEvent(action, button, column, row, x, y, person.keyboard.modifiers)

    # ---- the pointer's shape

    def _shape_at(self, point: tuple[int, int]) -> Pointer:
        bar = self.scrollbar
        if not bar.hidden and _inside(bar.track, point):
            return Pointer.ARROW
        return Pointer.TEXT if self.link is None else Pointer.LINK

    def _link_at(self, person: Person) -> Link | None:
        """The link under the pointer; with Ctrl, addresses in the text are links as well."""
        layout = self._layout()
        if not _inside(layout.text, person.point) or person.drag is not Drag.NONE:
            return None
        column, row = layout.cell_at(*person.point)
        position = Position(column, row + self._emulator.scrollbar.offset)
        plain = bool(person.keyboard.modifiers & Modifiers.CTRL)
        return link_at(self._emulator, position, plain=plain)


def _inside(rect: Rect, point: tuple[int, int]) -> bool:
    return rect.x <= point[0] < rect.right and rect.y <= point[1] < rect.bottom
