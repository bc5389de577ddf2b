"""Parts of FreeRDP's channels that are guacr's own: FreeRDP asks for them by name."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_char_p, c_uint32, c_void_p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

SUBSYSTEM = "guacr"
"""The name by which channels ask for them."""


class Addins:
    """The parts of one client's channels.

    Args:
        client: the client.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._entries: dict[tuple[bytes, bytes | None], int] = {}
        """Addresses of functions, by channel and subsystem."""

    def provide(self, channel: str, enter: Callable[[int], int], *, is_whole: bool = False) -> None:
        """Have `enter` called with the address of a channel's entry points when it is loaded. If
        `is_whole`, it replaces FreeRDP's own channel, and otherwise a part of it."""
        self._register()
        key = channel.encode(), None if is_whole else SUBSYSTEM.encode()
        self._entries[key] = self._client.callback(c_uint32, enter, c_void_p)

    def replace(self, channel: str, address: int) -> None:
        """Have FreeRDP use the entry of an own static channel instead of its own."""
        self._register()
        self._entries[channel.encode(), None] = address

    def load(self, channel: str, *options: str, static: bool) -> None:
        """Have a channel loaded that uses the part `provide` was called for."""
        library, settings = self._client.library, self._client.settings.address
        words = [word.encode() for word in (channel, f"sys:{SUBSYSTEM}", *options)]
        array = (c_char_p * len(words))(*words)
        if static:
            library.freerdp_client_add_static_channel(settings, len(words), array)
        library.freerdp_client_add_dynamic_channel(settings, len(words), array)

    def _register(self) -> None:
        if not self._entries:
            find = self._client.callback(
                c_void_p, self._find, c_char_p, c_char_p, c_char_p, c_uint32
            )
            self._client.library.freerdp_register_addin_provider(find, 0)

    def _find(
        self, channel: bytes, subsystem: bytes | None, kind: bytes | None, flags: int
    ) -> int | None:
        if (channel, subsystem) in self._entries:
            return self._entries[channel, subsystem]
        found: int | None = self._client.library.freerdp_channels_load_static_addin_entry(
            channel, subsystem, kind, flags
        )
        return found
