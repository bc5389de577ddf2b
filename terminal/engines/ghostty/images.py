"""libghostty's image store: adds images and reports where they are shown.

The library accepts an image as a PNG that its embedder decodes. guacr sends it a ticket as the PNG,
for pixels that it has already decoded.
"""

from __future__ import annotations

import itertools
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple

from guacr.display.geometry import Rect
from terminal.engines.contents import PlacedImage
from terminal.engines.ghostty.library import check, ffi, lib
from terminal.engines.graphics import GraphicsCommand
from terminal.engines.graphics_loading import Bitmap, Painted

_TICKET_BYTES = 8
_tickets = itertools.count(1)
_bitmaps: dict[bytes, Bitmap] = {}
"""The bytes that the library may store while it receives a ticket."""

_SIZE_OF_INFO = ffi.sizeof("GhosttyKittyGraphicsPlacementRenderInfo")
_PLACEMENT_KEYS = ffi.new(
    "GhosttyKittyGraphicsPlacementData[]",
    [
        lib.GHOSTTY_KITTY_GRAPHICS_PLACEMENT_DATA_IMAGE_ID,
        lib.GHOSTTY_KITTY_GRAPHICS_PLACEMENT_DATA_PLACEMENT_ID,
        lib.GHOSTTY_KITTY_GRAPHICS_PLACEMENT_DATA_Z,
        lib.GHOSTTY_KITTY_GRAPHICS_PLACEMENT_DATA_X_OFFSET,
        lib.GHOSTTY_KITTY_GRAPHICS_PLACEMENT_DATA_Y_OFFSET,
    ],
)
_IMAGE_KEYS = ffi.new(
    "GhosttyKittyGraphicsImageData[]",
    [
        lib.GHOSTTY_KITTY_IMAGE_DATA_GENERATION,
        lib.GHOSTTY_KITTY_IMAGE_DATA_WIDTH,
        lib.GHOSTTY_KITTY_IMAGE_DATA_HEIGHT,
        lib.GHOSTTY_KITTY_IMAGE_DATA_DATA_PTR,
        lib.GHOSTTY_KITTY_IMAGE_DATA_DATA_LEN,
    ],
)


class Placement(NamedTuple):
    """The place where an image is shown; valid until the terminal changes."""

    z: int
    number: int
    """The number of the image."""
    id: int
    """The number of this placement among those of the image."""
    offset: tuple[int, int]
    """The offset from the corner of the cell, in pixels."""
    image: Any
    info: Any


class ImageStore:
    """The images of a library terminal by number; each of its two screens has its own.

    Nothing may be called once the terminal is freed.
    """

    __slots__ = ("_latest", "_sources", "_terminal")

    def __init__(self, terminal: Any) -> None:
        self._terminal = terminal
        self._sources: dict[int, tuple[int, Painted]] = {}
        """The images in view by number: the generation and the pixels."""
        self._latest = 0
        """The newest one, which may not be in view yet."""

    def limit(self, size: int) -> None:
        """Limit the images on each screen to so many bytes; 0 removes all."""
        self._sources.clear()
        option = lib.GHOSTTY_TERMINAL_OPT_KITTY_IMAGE_STORAGE_LIMIT
        self._set(option, ffi.new("uint64_t*", size))

    def write(self, data: bytes) -> None:
        """Write bytes to the terminal; image data in them is ignored."""
        lib.ghostty_terminal_vt_write(self._terminal, data, len(data))

    def take(self, command: GraphicsCommand, bitmap: Bitmap) -> None:
        """Execute a command that transmits an image."""
        ticket = next(_tickets).to_bytes(_TICKET_BYTES)
        payload = b64encode(ticket)
        _bitmaps[ticket] = bitmap
        self._accept(len(payload))
        try:
            self.write(GraphicsCommand(command.keys | {"f": "100"}, payload).encode())
        finally:
            self._accept(0)
            del _bitmaps[ticket]
        if command.action == "T":
            self._expect(command.number("i"), bitmap)

    def _expect(self, number: int, bitmap: Bitmap) -> None:
        """Keep the pixels of an image that is about to be shown."""
        self._sources.pop(self._latest, None)
        self._latest = number
        image = lib.ghostty_kitty_graphics_image(self._graphics(), number)
        if image:
            self._sources[number] = _read(image)[0], bitmap.painted

    def delete(self, what: str, number: int = 0) -> None:
        """Delete images as specified by the protocol's key d."""
        image = {"i": str(number)} if number else {}
        self.write(GraphicsCommand({"a": "d", "d": what, "q": "2"} | image).encode())

    @property
    def alternate(self) -> bool:
        """True if the alternate screen is shown."""
        screen = ffi.new("GhosttyTerminalScreen*")
        self._get(lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN, screen)
        return bool(screen[0] == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE)

    @property
    def generation(self) -> int:
        """A number that changes with the images and their placements, but not with scrolling."""
        generation = ffi.new("uint64_t*")
        data = lib.GHOSTTY_KITTY_GRAPHICS_DATA_GENERATION
        check(lib.ghostty_kitty_graphics_get(self._graphics(), data, generation), "see its images")
        return int(generation[0])

    def __contains__(self, number: int) -> bool:
        return bool(lib.ghostty_kitty_graphics_image(self._graphics(), number))

    def places(self) -> int:
        """The number of placements, in view or not."""
        return sum(1 for _ in self._iterators())

    def placements(self) -> Iterator[Placement]:
        """All placements; each is valid until the next one is requested."""
        graphics = self._graphics()
        return (self._placement(graphics, iterator) for iterator in self._iterators())

    def _iterators(self) -> Iterator[Any]:
        """The library's iterator, positioned at one placement after the other."""
        iterator = ffi.new("GhosttyKittyGraphicsPlacementIterator*")
        check(
            lib.ghostty_kitty_graphics_placement_iterator_new(ffi.NULL, iterator), "see its images"
        )
        try:
            data = lib.GHOSTTY_KITTY_GRAPHICS_DATA_PLACEMENT_ITERATOR
            check(lib.ghostty_kitty_graphics_get(self._graphics(), data, iterator), "see them")
            while lib.ghostty_kitty_graphics_placement_next(iterator[0]):
                yield iterator[0]
        finally:
            lib.ghostty_kitty_graphics_placement_iterator_free(iterator[0])

    def above(self) -> set[int]:
        """The images that are in the scrollback, or begin there."""
        bar = ffi.new("GhosttyTerminalScrollbar*")
        self._get(lib.GHOSTTY_TERMINAL_DATA_SCROLLBAR, bar)
        top = bar.total - bar.len - bar.offset
        return {it.number for it in self.placements() if it.info.viewport_row < top}

    def shown(self) -> list[PlacedImage]:
        """The images in the viewport, the lowest first."""
        visible = [it for it in self.placements() if it.info.viewport_visible]
        visible.sort(key=lambda it: (it.z, it.number, it.id))
        sources = {it.number: self._source(it) for it in visible}
        self._sources, self._latest = sources, 0
        return [_placed(it, *sources[it.number]) for it in visible]

    def _placement(self, graphics: Any, iterator: Any) -> Placement:
        ids, z, offset = ffi.new("uint32_t[2]"), ffi.new("int32_t*"), ffi.new("uint32_t[2]")
        values = ffi.new("void*[]", [ids, ids + 1, z, offset, offset + 1])
        check(
            lib.ghostty_kitty_graphics_placement_get_multi(
                iterator, len(_PLACEMENT_KEYS), _PLACEMENT_KEYS, values, ffi.NULL
            ),
            "see how an image is shown",
        )
        image = lib.ghostty_kitty_graphics_image(graphics, ids[0])
        info = ffi.new("GhosttyKittyGraphicsPlacementRenderInfo*", {"size": _SIZE_OF_INFO})
        check(
            lib.ghostty_kitty_graphics_placement_render_info(iterator, image, self._terminal, info),
            "see where an image is",
        )
        return Placement(z[0], ids[0], ids[1], (offset[0], offset[1]), image, info)

    def _source(self, placement: Placement) -> tuple[int, Painted]:
        """The generation and the pixels of an image, which is copied once while it is in view."""
        generation, size, rgba = _read(placement.image)
        known = self._sources.get(placement.number)
        if known is not None and known[0] == generation:
            return known
        return generation, Painted.of(*size, rgba)

    def _graphics(self) -> Any:
        graphics = ffi.new("GhosttyKittyGraphics*")
        self._get(lib.GHOSTTY_TERMINAL_DATA_KITTY_GRAPHICS, graphics)
        return graphics[0]

    def _accept(self, size: int) -> None:
        """Let the library accept so many bytes of data in a command."""
        option = lib.GHOSTTY_TERMINAL_OPT_APC_MAX_BYTES_KITTY
        self._set(option, ffi.new("size_t*", size))

    def _get(self, data: int, out: Any) -> None:
        check(lib.ghostty_terminal_get(self._terminal, data, out), "see its images")

    def _set(self, option: int, value: Any) -> None:
        check(lib.ghostty_terminal_set(self._terminal, option, value), "bound its images")


def _read(image: Any) -> tuple[int, tuple[int, int], Any]:
    """The generation, width and height, and bytes of an image; the library owns the bytes."""
    generation, size = ffi.new("uint64_t*"), ffi.new("uint32_t[2]")
    data, length = ffi.new("uint8_t**"), ffi.new("size_t*")
    values = ffi.new("void*[]", [generation, size, size + 1, data, length])
    check(
        lib.ghostty_kitty_graphics_image_get_multi(
            image, len(_IMAGE_KEYS), _IMAGE_KEYS, values, ffi.NULL
        ),
        "read an image",
    )
    return generation[0], (size[0], size[1]), ffi.buffer(data[0], length[0])


def _placed(placement: Placement, generation: int, painted: Painted) -> PlacedImage:
    info = placement.info
    return PlacedImage(
        column=info.viewport_col,
        row=info.viewport_row,
        x=placement.offset[0],
        y=placement.offset[1],
        width=info.pixel_width,
        height=info.pixel_height,
        z=placement.z,
        source=Rect(info.source_x, info.source_y, info.source_width, info.source_height),
        generation=generation,
        opaque=painted.opaque,
        pixels=painted.pixels,
    )


def _decode(_user_data: Any, allocator: Any, data: Any, length: int, out: Any) -> bool:
    """Decode a PNG for the library: return the pixels of a ticket."""
    bitmap = _bitmaps.get(bytes(ffi.buffer(data, length)))
    if bitmap is None:
        return False
    pixels = lib.ghostty_alloc(allocator, len(bitmap.rgba))
    if pixels == ffi.NULL:
        return False
    ffi.memmove(pixels, bitmap.rgba, len(bitmap.rgba))
    out.width, out.height = bitmap.width, bitmap.height
    out.data, out.data_len = pixels, len(bitmap.rgba)
    return True


_decoder = ffi.callback("GhosttySysDecodePngFn", _decode, error=False)
check(lib.ghostty_sys_set(lib.GHOSTTY_SYS_OPT_DECODE_PNG, _decoder), "take images")
