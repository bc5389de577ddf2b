"""The keyboard and the pointer."""

from __future__ import annotations

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Locks, Mouse, PauseKey, Scancode, UnicodeKey
from handlers.rdp.freerdp.library import Library

RELEASED, EXTENDED = 0x8000, 0x0100
"""Flags of a key event (MS-RDPBCGR 2.2.8.1.1.3.1.1.1)."""


def send_input(library: Library, target: int, message: Message) -> None:
    """Send what a user has typed or clicked to the server; `target` is the address of the
    connection's rdpInput. Other messages have no effect."""
    match message:
        case Scancode():
            flags = (EXTENDED if message.extended else 0) | _released(message.pressed)
            library.freerdp_input_send_keyboard_event(target, flags, message.code)
        case UnicodeKey():
            flags = _released(message.pressed)
            library.freerdp_input_send_unicode_keyboard_event(target, flags, message.unit)
        case PauseKey():
            library.freerdp_input_send_keyboard_pause_event(target)
        case Locks():
            library.freerdp_input_send_synchronize_event(target, message.flags)
        case Mouse(extended=False):
            library.freerdp_input_send_mouse_event(target, message.flags, message.x, message.y)
        case Mouse():
            library.freerdp_input_send_extended_mouse_event(
                target, message.flags, message.x, message.y
            )


def _released(pressed: bool) -> int:
    return 0 if pressed else RELEASED
