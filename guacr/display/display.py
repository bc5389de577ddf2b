"""The display of a session: its layers and cursor, and what each frame sends of them."""

from __future__ import annotations

from collections.abc import Callable

from guacr.display.cursor import POINTER, Cursor
from guacr.display.geometry import Rect
from guacr.display.layer import Layer
from guacr.display.layers import BASE, LayerId, LayerIds
from guacr.display.overlay import Overlay
from guacr.display.plan import Plan, StreamIndices
from guacr.display.surface import Surface
from guacr.protocol.instruction import encode

CURSOR_BUFFER = -1
"""The off-screen buffer that holds the cursor's picture."""
CURSOR_MIMETYPE = "image/png"


class Display:
    """Layer 0 with a surface, further layers and overlays above it, and a cursor.

    `plan` takes what changed since the last one; `plan_full`, called right after it, gives the
    same picture to a viewer that has none. Where all viewers have none, `skip` stands for `plan`.
    """

    def __init__(self) -> None:
        self._layers: list[Layer | Overlay] = []
        self._ids = LayerIds()
        self._present: frozenset[LayerId] = frozenset()
        self.shown: frozenset[LayerId] = frozenset()
        """The layers above layer 0 that viewers have who have the last picture."""
        self._cursor = POINTER
        self._sent_cursor: Cursor | None = None
        self._streams = StreamIndices()
        self.before_frame: Callable[[], None] = lambda: None
        """Called when a frame may be due: what follows from many changes is done once here."""

    # ---- for handlers

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of layer 0, (0, 0) as long as it has no surface."""
        for layer in self._layers:
            if isinstance(layer, Layer) and layer.index == 0:
                return layer.surface.size
        return 0, 0

    def set_surface(self, surface: Surface) -> Layer:
        """Show a surface on layer 0, in place of any other."""
        self._layers = [layer for layer in self._layers if layer.index != 0]
        base = Layer(BASE, surface)
        self._layers.insert(0, base)
        return base

    def add_layer(self, surface: Surface, *, x: int = 0, y: int = 0) -> Layer:
        """Show a surface above all layers so far, at (x, y) of layer 0."""
        layer = Layer(self._ids.take(), surface, x, y)
        self._add(layer)
        return layer

    def add_overlay(self, x: int, y: int, width: int, height: int) -> Overlay:
        """A layer of translucent rectangles above all layers so far."""
        overlay = Overlay(self._ids.take(), Rect(x, y, width, height))
        self._add(overlay)
        return overlay

    def remove(self, layer: Layer | Overlay) -> None:
        """Take a layer away."""
        self._layers.remove(layer)
        self._present -= {layer.id}
        self._ids.release(layer.id)

    def set_cursor(self, cursor: Cursor) -> None:
        """Show another mouse cursor."""
        self._cursor = cursor

    # ---- for the session

    def stream(self) -> int:
        """An index for a stream to every user."""
        return self._streams.take()

    @property
    def changed(self) -> bool:
        """Whether there is anything for a next frame."""
        return (
            any(layer.changed for layer in self._layers)
            or self.shown is not self._present
            or self._cursor is not self._sent_cursor
        )

    @property
    def lossy(self) -> bool:
        """Whether viewers have parts of the picture with losses."""
        return any(isinstance(layer, Layer) and layer.lossy for layer in self._layers)

    def refine(self, now: float, delay: float) -> None:
        """Have a part of what was sent with losses, and rested for `delay` seconds, sent
        without losses by the next plan."""
        for layer in self._layers:
            if isinstance(layer, Layer):
                layer.refine(now, delay)

    def plan(self, now: float) -> Plan | None:
        """The way from the last picture to this one; None if there is no difference."""
        plan = Plan(self._streams)
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
        return plan or None

    def skip(self, now: float) -> None:
        """Take what changed since the last plan, and have nothing of it drawn."""
        self.shown = self._present
        for layer in self._layers:
            if isinstance(layer, Layer):
                layer.skip_changes(now)
            else:
                layer.skip_changes()
        self._sent_cursor = self._cursor

    def plan_full(self) -> Plan:
        """The whole picture as of the last `plan` or `skip`, but for `disposals`."""
        plan = Plan(self._streams)
        for layer in self._layers:
            layer.plan_full(plan)
        self._plan_cursor(plan)
        return plan

    def disposals(self, layers: frozenset[LayerId]) -> bytes:
        """What goes before the whole picture for a viewer that has `layers` of an earlier one."""
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
