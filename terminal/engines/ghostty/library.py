"""libghostty's terminal library, through pyghostty, and the layout of its cells.

pyghostty's classes create a Python object for each cell; guacr calls the C functions and reads
whole rows as arrays. This relies on the layout of a cell, which the library does not guarantee.
When this module is imported, the layout is checked against the C functions that read single cells.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

from pyghostty._ffi import _libpath as library_path
from pyghostty._ffi import ffi as declarations

from terminal.engines.emulator import EngineError

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
CONTENT_SHIFT = 2
CODE_MASK, COLOUR_MASK = 0x1FFFFF, 0xFFFFFF
"""The content of a cell: a character or, for cells with only a background, its palette index, or
blue, green and red."""
STYLE_SHIFT, STYLE_MASK = 26, 0xFFFF
WIDTH_SHIFT, WIDTH_MASK = 42, 0x3
PROTECTED_BIT = 44

# A struct with a union cannot be passed by value; this one without a union has the same layout.
declarations.cdef(
    """
    typedef struct {
        GhosttyTerminalScrollViewportTag tag; intptr_t value; uint64_t padding;
    } GuacrScrollViewport;
    """
)


def _compiled() -> Any:
    """Compile pyghostty's declarations.

    If they are not compiled, cffi parses all of them again for each type that is named (10 ms or
    more), and looks types and functions up under a lock, for which a finalizer must not wait.
    """
    source, names = StringIO(), dict[str, Any]()
    declarations.set_source("guacr_ghostty", None, compiler_verbose=0)
    declarations.emit_python_code(source)
    exec(source.getvalue(), names)  # noqa: S102 - from cffi
    return names["ffi"]


ffi = _compiled()
lib = ffi.dlopen(library_path())


def _without_union(name: str, signature: str) -> Any:
    """A function with another signature."""
    return ffi.cast(signature, ffi.addressof(lib, name))


grid_ref = _without_union(
    "ghostty_terminal_grid_ref",
    "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)",
)
grid_ref_track = _without_union(
    "ghostty_terminal_grid_ref_track",
    "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyTrackedGridRef*)",
)
scroll_viewport = _without_union(
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
    """A struct of the library with its size, and the sizes of nested structs, filled in."""
    struct = ffi.new(f"{name}*")
    struct.size = ffi.sizeof(name)
    for field, detail in ffi.typeof(name).fields:
        if detail.type.kind == "struct" and detail.type.cname.startswith("GhosttyGridRef"):
            getattr(struct, field).size = ffi.sizeof(detail.type)
    return struct


def _check_layout() -> None:
    """Check the constants above against the library's own functions, bit by bit.

    Raises:
        EngineError: the library has a different cell layout.
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
            "the installed libghostty has a different cell layout; install pyghostty 0.1.3"
        )


def _bits(mask: int) -> list[int]:
    """The single bits of a mask."""
    return [1 << bit for bit in range(mask.bit_length())]


def _read(cell: int, data: int, kind: str) -> Any:
    """Read a field of a cell with the library."""
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
