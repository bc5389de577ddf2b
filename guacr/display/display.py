"""The display of a session: its layers, its cursor, and what each frame sends of them."""

from __future__ import annotations

from collections.abc import Callable

from guacr.display.cursor import POINTER, Cursor
from guacr.display.geometry import Rect
from guacr.display.layer import Layer
from guacr.display.layers import BASE, LayerId, LayerIds
from guacr.display.overlay import Overlay
from guacr.display.plan import Plan
from guacr.display.stream_indices import StreamIndices
from guacr.display.surface import Surface
from guacr.protocol.instruction import encode

CURSOR_BUFFER = -1
"""The off-screen buffer that contains the cursor's picture."""
CURSOR_MIMETYPE = "image/png"


class Display:
    """Layer 0 with a surface, other layers and overlays above it, and a cursor.

    `plan` returns the changes since the last plan; `plan_full`, called directly after it, returns
    the same picture for viewers that have none. If no viewer has a picture, `skip` replaces `plan`.
    """

    def __init__(self) -> None:
        self._layers: list[Layer | Overlay] = []
        self._ids = LayerIds()
        self._present: frozenset[LayerId] = frozenset()
        self.shown: frozenset[LayerId] = frozenset()
        """The layers above layer 0 of viewers that have the last picture."""
        self._cursor = POINTER
        self._sent_cursor: Cursor | None = None
        self._touches = self._sent_touches = 0
        self.streams = StreamIndices()
        self.before_frame: Callable[[], None] = _nothing
        """Called when a frame may be due; work that follows many changes can be done once here."""

    # ---- for handlers

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of layer 0; (0, 0) until it has a surface."""
        for layer in self._layers:
            if isinstance(layer, Layer) and layer.index == 0:
                return layer.surface.size
        return 0, 0

    def nearest(self, x: int, y: int) -> tuple[int, int]:
        """Return the pixel of layer 0 that is nearest to (x, y)."""
        width, height = self.size
        return min(max(x, 0), max(width - 1, 0)), min(max(y, 0), max(height - 1, 0))

    def set_surface(self, surface: Surface) -> Layer:
        """Show a surface on layer 0, instead of any other."""
        self._layers = [layer for layer in self._layers if layer.index != 0]
        base = Layer(BASE, surface)
        self._layers.insert(0, base)
        return base

    def add_layer(self, surface: Surface, *, x: int = 0, y: int = 0) -> Layer:
        """Show a surface above all existing layers, at (x, y) of layer 0."""
        layer = Layer(self._ids.take(), surface, x, y)
        self._add(layer)
        return layer

    def add_overlay(self, x: int, y: int, width: int, height: int) -> Overlay:
        """Add a layer of translucent rectangles above all existing layers."""
        overlay = Overlay(self._ids.take(), Rect(x, y, width, height))
        self._add(overlay)
        return overlay

    def remove(self, layer: Layer | Overlay) -> None:
        """Remove a layer."""
        self._layers.remove(layer)
        self._present -= {layer.id}
        self._ids.release(layer.id)

    def set_cursor(self, cursor: Cursor) -> None:
        """Show another mouse cursor."""
        self._cursor = cursor

    def accept_touches(self, count: int) -> None:
        """Let clients send up to `count` touches on layer 0; with 0, fingers move the pointer."""
        self._touches = count

    # ---- for the session

    def clear(self) -> None:
        """Delete all references to surfaces and handlers: nothing more is drawn."""
        self.before_frame = _nothing
        self._layers.clear()

    @property
    def changed(self) -> bool:
        """True if there is anything for a next frame."""
        return (
            any(layer.changed for layer in self._layers)
            or self.shown is not self._present
            or self._cursor is not self._sent_cursor
            or self._touches != self._sent_touches
        )

    @property
    def refined(self) -> bool:
        """True if `refine` has nothing to do: viewers have the picture without losses."""
        return all(layer.refined for layer in self._layers if isinstance(layer, Layer))

    def refine(self, now: float, delay: float) -> bool:
        """Let the next plan resend, losslessly, a part of what was sent with losses and has not
        changed for `delay` seconds; free memory that only changes need.

        Return whether there is such a part, and nothing moves meanwhile.
        """
        layers = [layer for layer in self._layers if isinstance(layer, Layer)]
        refining = [layer.refine(now, delay) for layer in layers]
        return any(refining) and not any(layer.moves(now, delay) for layer in layers)

    def plan(self, now: float) -> Plan | None:
        """Return the difference from the last picture to this one; None if there is none."""
        plan = Plan(self.streams, now)
        for gone in sorted(self.shown - self._present):
            plan.add("dispose", gone.index)
        self.shown = self._present
        for layer in self._layers:
            if not layer.changed:
                continue
            if isinstance(layer, Layer):
                layer.plan_changes(plan, now)
            else:
                layer.plan_changes(plan)
        if self._cursor is not self._sent_cursor:
            self._sent_cursor = self._cursor
            self._plan_cursor(plan)
        if self._touches != self._sent_touches:
            self._sent_touches = self._touches
            self._plan_touches(plan)
        return plan or None

    def skip(self, now: float) -> None:
        """Accept the changes since the last plan without sending them."""
        self.shown = self._present
        for layer in self._layers:
            if isinstance(layer, Layer):
                layer.skip_changes(now)
            else:
                layer.skip_changes()
        self._sent_cursor = self._cursor
        self._sent_touches = self._touches

    def plan_full(self, *, exact: bool = False) -> Plan:
        """Return the whole picture as of the last `plan` or `skip`, without `disposals`; if it is
        `exact`, it has no losses, unless the settings request them."""
        plan = Plan(self.streams)
        for layer in self._layers:
            if isinstance(layer, Layer):
                layer.plan_full(plan, exact=exact)
            else:
                layer.plan_full(plan)
        self._plan_cursor(plan)
        self._plan_touches(plan)
        return plan

    def disposals(self, layers: frozenset[LayerId]) -> bytes:
        """Return what precedes the whole picture for a viewer that has `layers` of an earlier
        one."""
        gone = sorted(layers - self.shown)
        return b"".join(encode("dispose", layer.index) for layer in gone)

    def _add(self, layer: Layer | Overlay) -> None:
        self._layers.append(layer)
        self._present |= {layer.id}

    def _plan_cursor(self, plan: Plan) -> None:
        width, height = self._cursor.size
        plan.add("size", CURSOR_BUFFER, width, height)
        plan.file(CURSOR_BUFFER, CURSOR_MIMETYPE, self._cursor.png())
        x, y = self._cursor.hot_x, self._cursor.hot_y
        plan.add("cursor", x, y, CURSOR_BUFFER, 0, 0, width, height)

    def _plan_touches(self, plan: Plan) -> None:
        plan.add("set", BASE.index, "multi-touch", self._touches)


def _nothing() -> None:
    """Do nothing by default."""
