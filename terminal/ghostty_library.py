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
    "scroll_viewport",
    "sized",
]

CELL_BYTES = 8
# A cell is 64 bits.
CONTENT_MASK = 0x3
CONTENT_CLUSTER = 1
CONTENT_BACKGROUND_PALETTE = 2
CONTENT_BACKGROUND_DIRECT = 3
CODE_SHIFT, CODE_MASK = 2, 0x1FFFFF
"""Of cells that hold a character; of the others, the background's index or blue, green, red."""
STYLE_SHIFT, STYLE_MASK = 26, 0xFFFF
WIDTH_SHIFT, WIDTH_MASK = 42, 0x3

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
    """Hold the constants above to the library's own functions.

    Raises:
        EngineError: the library lays out its cells in another way.
    """
    number, index = ffi.new("uint32_t*"), ffi.new("uint16_t*")
    kind, colour, small = ffi.new("int*"), ffi.new("GhosttyColorRgb*"), ffi.new("uint8_t*")
    probes = (
        (0x1F600 << CODE_SHIFT, lib.GHOSTTY_CELL_DATA_CODEPOINT, number, 0x1F600),
        (CODE_MASK << CODE_SHIFT, lib.GHOSTTY_CELL_DATA_CODEPOINT, number, CODE_MASK),
        (0xA5C3 << STYLE_SHIFT, lib.GHOSTTY_CELL_DATA_STYLE_ID, index, 0xA5C3),
        (STYLE_MASK << STYLE_SHIFT, lib.GHOSTTY_CELL_DATA_STYLE_ID, index, STYLE_MASK),
        (1 << WIDTH_SHIFT, lib.GHOSTTY_CELL_DATA_WIDE, kind, lib.GHOSTTY_CELL_WIDE_WIDE),
        (2 << WIDTH_SHIFT, lib.GHOSTTY_CELL_DATA_WIDE, kind, lib.GHOSTTY_CELL_WIDE_SPACER_TAIL),
        (3 << WIDTH_SHIFT, lib.GHOSTTY_CELL_DATA_WIDE, kind, lib.GHOSTTY_CELL_WIDE_SPACER_HEAD),
        (CONTENT_CLUSTER, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, kind, 1),
        (CONTENT_BACKGROUND_DIRECT, lib.GHOSTTY_CELL_DATA_CONTENT_TAG, kind, 3),
        (
            201 << CODE_SHIFT | CONTENT_BACKGROUND_PALETTE,
            lib.GHOSTTY_CELL_DATA_COLOR_PALETTE,
            small,
            201,
        ),
    )
    same = all(
        lib.ghostty_cell_get(cell, data, out) == 0 and out[0] == value
        for cell, data, out, value in probes
    )
    direct = 0x030201 << CODE_SHIFT | CONTENT_BACKGROUND_DIRECT
    same = same and lib.ghostty_cell_get(direct, lib.GHOSTTY_CELL_DATA_COLOR_RGB, colour) == 0
    if not same or (colour.r, colour.g, colour.b) != (1, 2, 3):
        raise EngineError(
            "the installed libghostty lays out its cells differently; install pyghostty 0.1.3"
        )


_check_layout()
