"""libghostty's terminal library, reached through pyghostty, and how it lays out its cells.

pyghostty's own classes make a Python object a cell; guacr calls the C functions and reads whole
rows as arrays. That leans on the layout of a cell, which is no promise of the library: it is
held to the C functions that read cells one by one when this module is imported.
"""

from __future__ import annotations

from typing import Any

from pyghostty._ffi import ffi, lib, union_fn

from terminal.emulator import EngineError

__all__ = [
    "check",
    "ffi",
    "grid_ref",
    "grid_ref_track",
    "lib",
    "read_string",
    "render_state_free",
    "row_iterator_free",
    "scroll_viewport",
    "search_free",
    "sized",
    "terminal_free",
]

CELL_BYTES = 8
# A cell is 64 bits.
CONTENT_MASK = 0x3
CONTENT_CLUSTER = 1
CONTENT_BACKGROUND_PALETTE = 2
CONTENT_BACKGROUND_DIRECT = 3
CONTENT_SHIFT = 2
CODE_MASK, COLOUR_MASK = 0x1FFFFF, 0xFFFFFF
"""Of a cell's content: a character; or, of those that hold a background alone, its index in the
palette, or blue, green and red."""
STYLE_SHIFT, STYLE_MASK = 26, 0xFFFF
WIDTH_SHIFT, WIDTH_MASK = 42, 0x3
PROTECTED_BIT = 44

# A struct with a union cannot be passed by value; its twin without one has the same layout.
ffi.cdef(
    """
    typedef struct {
        GhosttyTerminalScrollViewportTag tag; intptr_t value; uint64_t padding;
    } GuacrScrollViewport;
    """
)

grid_ref = union_fn(
    "ghostty_terminal_grid_ref",
    "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)",
)
grid_ref_track = union_fn(
    "ghostty_terminal_grid_ref_track",
    "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyTrackedGridRef*)",
)
# What finalizers call is resolved here: cffi looks a function up under a lock when it is first
# used, and a finalizer may run while the same thread holds that lock.
terminal_free = lib.ghostty_terminal_free
render_state_free = lib.ghostty_render_state_free
row_iterator_free = lib.ghostty_render_state_row_iterator_free
search_free = lib.ghostty_search_free
scroll_viewport = union_fn(
    "ghostty_terminal_scroll_viewport", "void(*)(GhosttyTerminal, GuacrScrollViewport)"
)


def check(result: int, what: str) -> None:
    """Turn a result code of the library into an exception.

    Raises:
        EngineError: the result is not success.
    """
    if result:
        raise EngineError(f"the terminal engine could not {what} (libghostty's code {result})")


def read_string(string: Any) -> bytes:
    """A copy of a GhosttyString."""
    return bytes(ffi.buffer(string.ptr, string.len)) if string.len else b""


def sized(name: str) -> Any:
    """A struct of the library with its size, and those of the structs within, filled in."""
    struct = ffi.new(f"{name}*")
    struct.size = ffi.sizeof(name)
    for field, detail in ffi.typeof(name).fields:
        if detail.type.kind == "struct" and detail.type.cname.startswith("GhosttyGridRef"):
            getattr(struct, field).size = ffi.sizeof(detail.type)
    return struct


def _check_layout() -> None:
    """Hold the constants above to the library's own functions, bit by bit.

    Raises:
        EngineError: the library lays out its cells in another way.
    """
    fields = (
        ("CODEPOINT", "uint32_t*", CONTENT_SHIFT, CODE_MASK, 0),
        ("CODEPOINT", "uint32_t*", CONTENT_SHIFT, CODE_MASK, CONTENT_CLUSTER),
        ("COLOR_PALETTE", "uint8_t*", CONTENT_SHIFT, 0xFF, CONTENT_BACKGROUND_PALETTE),
        ("STYLE_ID", "uint16_t*", STYLE_SHIFT, STYLE_MASK, 0),
        ("WIDE", "GhosttyCellWide*", WIDTH_SHIFT, WIDTH_MASK, 0),
        ("CONTENT_TAG", "GhosttyCellContentTag*", 0, CONTENT_MASK, 0),
        ("PROTECTED", "bool*", PROTECTED_BIT, 1, 0),
    )
    same = all(
        _read(bit << shift | rest, getattr(lib, f"GHOSTTY_CELL_DATA_{name}"), kind)[0] == bit
        for name, kind, shift, mask, rest in fields
        for bit in (*_bits(mask), mask)
    )
    for bit in (*_bits(COLOUR_MASK), COLOUR_MASK):
        cell = bit << CONTENT_SHIFT | CONTENT_BACKGROUND_DIRECT
        rgb = _read(cell, lib.GHOSTTY_CELL_DATA_COLOR_RGB, "GhosttyColorRgb*")
        same = same and rgb.r | rgb.g << 8 | rgb.b << 16 == bit
    if not same or _WIDTHS != (0, 1, 2, 3):
        raise EngineError(
            "the installed libghostty lays out its cells differently; install pyghostty 0.1.3"
        )


def _bits(mask: int) -> list[int]:
    """The bits of a mask one by one."""
    return [1 << bit for bit in range(mask.bit_length())]


def _read(cell: int, data: int, kind: str) -> Any:
    """A field of a cell as the library reads it."""
    out = ffi.new(kind)
    check(lib.ghostty_cell_get(cell, data, out), "read a cell")
    return out


_WIDTHS = (
    lib.GHOSTTY_CELL_WIDE_NARROW,
    lib.GHOSTTY_CELL_WIDE_WIDE,
    lib.GHOSTTY_CELL_WIDE_SPACER_TAIL,
    lib.GHOSTTY_CELL_WIDE_SPACER_HEAD,
)
_check_layout()
