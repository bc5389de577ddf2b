"""Paints what a viewer sees: turns drawing instructions into pixels, as guacamole-common-js does.

It verifies the daemon's pictures: it uses no code of guacr, and raises `WireError` for anything
that a client would have to guess. Like the browser's client, it paints at `sync`.
"""

from __future__ import annotations

import io
from base64 import b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from guacr.testing.damage import Box, Damage, clip, moved
from guacr.testing.layer import MASKS, OVER, Layer, Rgba, blend, is_opaque
from guacr.testing.streams import OPENERS, Stream, Streams
from guacr.testing.wire import Received, Splitter, WireError

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
TRANSFERS: dict[int, Callable[[Rgba, Rgba], Rgba]] = {
    0x0: lambda source, target: np.zeros_like(target),
    0x1: np.bitwise_and,
    0x5: lambda source, target: target,
    0x6: np.bitwise_xor,
    0x7: np.bitwise_or,
    0xA: lambda source, target: ~target,
    0xF: lambda source, target: np.full_like(target, 255),
}
"""`transfer` functions except SRC, on red, green and blue."""
NOT_PAINTED = frozenset(
    [
        "",
        "args",
        "ready",
        "error",
        "disconnect",
        "nop",
        "name",
        "log",
        "msg",
        "required",
        "ack",
        "filesystem",
        "undefine",
        "set",
    ]
)
"""Opcodes that do not change the picture."""


class Canvas:
    """The layers, the cursor and the pointer of one viewer.

    `counts` and `sizes` contain the number of instructions and their bytes by opcode. Streams other
    than images are passed to `on_stream`. With `painting=False`, instructions are only checked and
    counted.
    """

    def __init__(
        self,
        on_stream: Callable[[Stream], None] = lambda stream: None,
        *,
        painting: bool = True,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.timestamp = -1
        """The timestamp of the last `sync`."""
        self.pointer: tuple[int, int] | None = None
        self.cursor: Rgba = np.zeros((0, 0, 4), np.uint8)
        self.hotspot = (0, 0)
        self._on_stream = on_stream
        self._painting = painting
        self._splitter = Splitter()
        self._streams = Streams()
        self._layers: dict[int, Layer] = {0: Layer(0)}
        self._attached = 0
        self._damage = Damage()
        self._tasks: list[Callable[[], None]] = []

    # ---- the picture

    @property
    def size(self) -> tuple[int, int]:
        """The width and height of layer 0."""
        return self._layers[0].width, self._layers[0].height

    @property
    def layers(self) -> list[int]:
        """The indices of the layers and buffers that exist."""
        return sorted(self._layers)

    def layer(self, index: int) -> Rgba:
        """Return a copy of one layer or buffer, without its children."""
        return self._layers[index].pixels.copy()

    def opaque(self, index: int = 0) -> bool:
        """Return whether no pixel of a layer is transparent."""
        return bool((self._layers[index].pixels[..., 3] == 255).all())

    def flatten(self) -> NDArray[np.uint8]:
        """Return the whole picture, (height, width, 3): red, green, blue; black where it is
        empty."""
        return self.composed()[..., :3].copy()

    def composed(self, area: Box | None = None) -> Rgba:
        """Return the picture, or the part of it in an area, without transparency; black where it is
        empty."""
        picture = self._composed(self._layers[0], clip(area or (0, 0, *self.size), *self.size))
        if is_opaque(picture):
            return picture if picture.base is None else picture.copy()
        ground = np.zeros_like(picture)
        ground[..., 3] = 255
        return blend(ground, picture, OVER)

    def take_damage(self) -> list[Box]:
        """Return the areas of the picture that may have changed since the last call; they may
        overlap, and may be partly beyond its size."""
        for layer in self._layers.values():
            for box in layer.damage.take():
                self._expose(layer, box)
        return self._damage.take()

    def _expose(self, layer: Layer, box: Box | None = None) -> None:
        """Add a layer, or a box of it, to the damage of the picture, if it is visible."""
        box = box or layer.area
        while layer.parent is not None:
            box = moved(box, layer.x, layer.y)
            layer = layer.parent
        if layer is self._layers[0]:
            self._damage.add(box)

    def _composed(self, layer: Layer, area: Box) -> Rgba:
        """Return an area of a layer with its children; its own pixels if there are none."""
        left, top, right, bottom = area
        pixels = layer.pixels[top:bottom, left:right]
        children = [child for child in self._layers.values() if child.parent is layer]
        if not children:
            return pixels
        picture = Layer(0)
        picture.canvas = pixels.copy()
        for child in sorted(children, key=lambda child: (child.z, child.order)):
            inside = clip(moved(area, -child.x, -child.y), child.width, child.height)
            if inside[0] >= inside[2] or inside[1] >= inside[3]:
                continue
            image = self._composed(child, inside)
            if child.opacity < 255:
                image = image.copy()
                image[..., 3] = np.round(image[..., 3] * (child.opacity / 255))
            picture.draw(child.x + inside[0] - left, child.y + inside[1] - top, image)
        return picture.canvas

    def stream_kind(self, index: int) -> str:
        """Return the opcode that opened a stream; empty if it is not open."""
        stream = self._streams.open.get(index)
        return stream.opcode if stream else ""

    @property
    def streams(self) -> list[Stream]:
        """The open streams, with the data so far."""
        return list(self._streams.open.values())

    # ---- input

    def feed(self, data: bytes) -> None:
        """Process bytes from the daemon, cut anywhere."""
        for received in self._splitter.feed(data):
            self.apply(received)

    def apply(self, received: Received) -> None:
        """Process one instruction.

        Raises:
            WireError: it is malformed, or invalid in this place.
        """
        opcode, args = received.opcode, received.args
        self.counts[opcode] += 1
        self.sizes[opcode] += received.size
        if opcode in _DRAWING:
            count, draw = _DRAWING[opcode]
            draw(self, *_numbers(opcode, args, count))
        elif opcode in OPENERS:
            self._begin(opcode, args)
        elif opcode == "blob":
            self._streams.blob(args)
        elif opcode == "end":
            self._end(args)
        elif opcode in ("png", "jpeg"):
            self._legacy(opcode, args)
        elif opcode == "sync":
            self._sync(args)
        elif opcode == "mouse":
            x, y = _numbers(opcode, args[:2], 2)
            self.pointer = (x, y)
        elif opcode not in NOT_PAINTED:
            raise WireError(f"unknown opcode {opcode!r}")

    def flush(self) -> None:
        """Paint what has arrived, as `sync` does."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task()

    def _sync(self, args: tuple[str, ...]) -> None:
        timestamp = _numbers("sync", args[:1], 1)[0]
        if timestamp < self.timestamp:
            raise WireError(f"sync {timestamp} after {self.timestamp}")
        self.timestamp = timestamp
        self.flush()

    # ---- layers

    def _get(self, index: int) -> Layer:
        """Return an existing layer."""
        if index not in self._layers:
            raise WireError(f"layer {index} does not exist")
        return self._layers[index]

    def _make(self, index: int) -> Layer:
        """Return a layer, and create it if it does not exist; visible ones are as large as layer
        0."""
        if index not in self._layers:
            layer = Layer(index, *(self.size if index > 0 else (0, 0)))
            if index > 0:
                self._attach(layer, self._layers[0])
            self._layers[index] = layer
        return self._layers[index]

    def _target(self, index: int) -> Layer:
        """Return a layer to draw on: buffers are created by drawing, visible layers must exist."""
        layer = self._make(index) if index < 0 else self._get(index)
        if index >= 0 and 0 in (layer.width, layer.height):
            raise WireError(f"drawing on layer {index}, which has no size")
        return layer

    def _attach(self, layer: Layer, parent: Layer) -> None:
        self._attached += 1
        layer.parent, layer.order = parent, self._attached

    def _size(self, index: int, width: int, height: int) -> None:
        self._do(lambda: self._resize(self._make(index), width, height))

    def _resize(self, layer: Layer, width: int, height: int) -> None:
        self._expose(layer)
        layer.resize(width, height)
        self._expose(layer)

    def _move(self, index: int, parent: int, x: int, y: int, z: int) -> None:
        if index <= 0 or parent < 0:
            raise WireError(f"move of layer {index} into {parent}")
        self._do(lambda: self._place(self._make(index), self._get(parent), x, y, z))

    def _place(self, layer: Layer, parent: Layer, x: int, y: int, z: int) -> None:
        above: Layer | None = parent
        while above is not None:
            if above is layer:
                raise WireError(f"layer {layer.index} moved into itself")
            above = above.parent
        self._expose(layer)
        if layer.parent is not parent:
            self._attach(layer, parent)
        layer.x, layer.y, layer.z = x, y, z
        self._expose(layer)

    def _shade(self, index: int, opacity: int) -> None:
        if index < 0 or not 0 <= opacity <= 255:
            raise WireError(f"shade of layer {index} to {opacity}")
        self._do(lambda: self._set_opacity(self._get(index), opacity))

    def _set_opacity(self, layer: Layer, opacity: int) -> None:
        layer.opacity = opacity
        self._expose(layer)

    def _dispose(self, index: int) -> None:
        if index == 0:
            raise WireError("dispose of layer 0")
        self._do(lambda: self._remove(index))

    def _remove(self, index: int) -> None:
        layer = self._get(index)
        self._expose(layer)
        layer.parent = None
        del self._layers[index]

    # ---- drawing

    def _do(self, task: Callable[[], None]) -> None:
        if self._painting:
            self._tasks.append(task)

    def _rect(self, index: int, x: int, y: int, width: int, height: int) -> None:
        if width < 1 or height < 1:
            raise WireError(f"rect of {width}x{height} pixels")
        self._do(lambda: self._target(index).add_rect(x, y, width, height))

    def _cfill(self, mask: int, index: int, *colour: int) -> None:
        red, green, blue, alpha = colour
        if not all(0 <= part <= 255 for part in colour):
            raise WireError(f"cfill with {colour}")
        self._masked(index, mask, lambda layer: layer.fill((red, green, blue, alpha)))

    def _copy(self, source: int, *rest: int) -> None:
        x, y, width, height, mask, target, to_x, to_y = rest

        def paint(layer: Layer) -> None:
            layer.draw(to_x, to_y, self._get(source).cut(x, y, width, height))

        self._masked(target, mask, paint)

    def _transfer(self, source: int, *rest: int) -> None:
        x, y, width, height, function, target, to_x, to_y = rest
        if function != 0x3 and function not in TRANSFERS:
            raise WireError(f"transfer function {function} is not supported by this canvas")

        def paint() -> None:
            image = self._get(source).cut(x, y, width, height)
            layer = self._target(target)
            if function != 0x3:
                below = layer.cut(to_x, to_y, image.shape[1], image.shape[0])
                image = image[: below.shape[0], : below.shape[1]]
                below[..., :3] = TRANSFERS[function](image[..., :3], below[..., :3])
                image = below
            layer.put(to_x, to_y, image)

        self._do(paint)

    def _set_cursor(self, hot_x: int, hot_y: int, source: int, *area: int) -> None:
        x, y, width, height = area

        def paint() -> None:
            self.cursor = self._get(source).cut(x, y, width, height)
            self.hotspot = (hot_x, hot_y)

        self._do(paint)

    def _masked(self, index: int, mask: int, paint: Callable[[Layer], None]) -> None:
        """Set a layer's mask, then paint on it."""
        self._set_mask(index, mask)
        self._do(lambda: paint(self._target(index)))

    def _set_mask(self, index: int, mask: int) -> None:
        if mask not in MASKS:
            raise WireError(f"mask {mask}")
        self._do(lambda: setattr(self._target(index), "mask", mask))

    # ---- images and other streams

    def _begin(self, opcode: str, args: tuple[str, ...]) -> None:
        self._streams.begin(opcode, args)
        if opcode == "img":
            mask, index = _numbers(opcode, args[1:3], 2)
            _numbers(opcode, args[4:], 2)
            if args[3] not in FORMATS:
                raise WireError(f"img of type {args[3]!r}")
            self._set_mask(index, mask)

    def _end(self, args: tuple[str, ...]) -> None:
        stream = self._streams.end(args)
        if stream.opcode != "img":
            self._on_stream(stream)
            return
        _, index, mimetype, x, y = stream.args
        self._image(int(index), int(x), int(y), FORMATS[mimetype], bytes(stream.data))

    def _legacy(self, opcode: str, args: tuple[str, ...]) -> None:
        if len(args) != 5:
            raise WireError(f"{opcode} with {len(args)} arguments")
        mask, index, x, y = _numbers(opcode, args[:4], 4)
        try:
            data = b64decode(args[4], validate=True)
        except (Base64Error, ValueError) as error:
            raise WireError(f"{opcode} is not base64") from error
        self._set_mask(index, mask)
        self._image(index, x, y, opcode.upper(), data)

    def _image(self, index: int, x: int, y: int, kind: str, data: bytes) -> None:
        if not self._painting:
            return
        try:
            with Image.open(io.BytesIO(data), formats=[kind]) as opened:
                image = np.asarray(opened.convert("RGBA"))
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise WireError(f"the image is not {kind}: {data[:16]!r}") from error
        self._do(partial(self._draw, index, x, y, image))

    def _draw(self, index: int, x: int, y: int, image: Rgba) -> None:
        self._target(index).draw(x, y, image)


_DRAWING: dict[str, tuple[int, Callable[..., None]]] = {
    "size": (3, Canvas._size),
    "move": (5, Canvas._move),
    "shade": (2, Canvas._shade),
    "dispose": (1, Canvas._dispose),
    "rect": (5, Canvas._rect),
    "cfill": (6, Canvas._cfill),
    "copy": (9, Canvas._copy),
    "transfer": (9, Canvas._transfer),
    "cursor": (7, Canvas._set_cursor),
}
"""Opcodes whose arguments are all whole numbers: how many, and what paints them."""


def _numbers(opcode: str, args: tuple[str, ...], count: int) -> list[int]:
    if len(args) != count:
        raise WireError(f"{opcode} with {len(args)} arguments, not {count}")
    digits = [arg.removeprefix("-") for arg in args]
    if not all(text.isascii() and text.isdigit() for text in digits):
        raise WireError(f"{opcode} with {args}: the arguments must be whole numbers")
    return [int(arg) for arg in args]
