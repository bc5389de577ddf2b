"""The keyboard of RDP: keysyms become scan codes, Unicode characters and lock states.

An RDP server receives the positions of keys, and translates them with a layout of its own, as
Windows does with a keyboard that is plugged in. A user's client sends keysyms, that is characters,
of whatever layout the user has. The keyboard types each character on the server's layout.
"""

from handlers.rdp.keyboard.keyboard import Keyboard
from handlers.rdp.keyboard.layout import FAILSAFE, Layout, layout_named, layout_names
from handlers.rdp.keyboard.sink import KeySink, Locks

__all__ = [
    "FAILSAFE",
    "KeySink",
    "Keyboard",
    "Layout",
    "Locks",
    "layout_named",
    "layout_names",
]
