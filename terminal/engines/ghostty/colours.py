"""X11's colour names, from libghostty's table."""

from __future__ import annotations

from terminal.engines.contents import Rgb
from terminal.engines.ghostty.library import ffi, lib


def x11_colours() -> dict[str, Rgb]:
    """Red, green and blue by name; names are in lower case and without spaces."""
    table = lib.ghostty_color_x11_names()
    colours: dict[str, Rgb] = {}
    for index in range(lib.ghostty_color_x11_name_count()):
        entry = table[index]
        name = bytes(ffi.string(entry.name)).decode("ascii").replace(" ", "").lower()
        colours[name] = (entry.color.r, entry.color.g, entry.color.b)
    return colours
