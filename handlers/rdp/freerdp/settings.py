"""FreeRDP's settings, by name."""

from __future__ import annotations

import codecs
import ctypes

from handlers.rdp.channel.messages import Layout
from handlers.rdp.freerdp.library import Library
from handlers.rdp.freerdp.structs import SLOT, Monitor, TimeZone, slot

CODEC = "utf-16-le"
"""Of texts in FreeRDP's structures."""
codecs.lookup(CODEC)  # loads it: a worker cannot read Python's files


class Settings:
    """The settings of one connection.

    Args:
        library: FreeRDP.
        address: that of `rdpSettings`.
    """

    def __init__(self, library: Library, address: int) -> None:
        self._library = library
        self.address = address

    def put(self, name: str, value: str) -> bool:
        """Set a setting from its text, TRUE or FALSE for flags, and return whether this version
        has it."""
        done = self._library.freerdp_settings_set_value_for_name(
            self.address, b"FreeRDP_" + name.encode(), value.encode()
        )
        return bool(done)

    def put_block(self, name: str, data: bytes) -> None:
        """Set a setting that is a block of bytes, with its length."""
        library = self._library
        key, length = library.key(name), library.key(name + "Length")
        if library.major >= 3:
            self._put_items(name, data, len(data))
        else:  # there is no function for it, but `rdpSettings` is a public array of slots
            slot(self.address, key).value = library.copy(data)
            ctypes.c_uint32.from_address(self.address + SLOT * length).value = len(data)

    def put_monitors(self, layout: Layout) -> None:
        """Set the monitors with which the connection begins."""
        monitors = (Monitor * layout.monitors)()
        for monitor, left in zip(monitors, layout.columns(), strict=True):
            monitor.x, monitor.is_primary = left, left == 0
            monitor.width, monitor.height = layout.width // layout.monitors, layout.height
            monitor.physicalWidth = layout.physical_width // layout.monitors
            monitor.physicalHeight = layout.physical_height
            monitor.desktopScaleFactor = layout.desktop_scale
            monitor.deviceScaleFactor = layout.device_scale
        if self._library.major >= 3:
            self._put_items("MonitorDefArray", bytes(monitors), len(monitors))
        else:  # there is an array with room for 32, and no function that sets it
            array = slot(self.address, self._library.key("MonitorDefArray")).value or 0
            ctypes.memmove(array, monitors, ctypes.sizeof(monitors))
        self.put("MonitorCount", str(len(monitors)))

    def put_time_zone(self) -> None:
        """Tell the server the time zone of this process (TZ). FreeRDP 2 always tells it that of the
        machine."""
        library, zone = self._library, TimeZone()
        if library.major >= 3:
            library.GetDynamicTimeZoneInformation(ctypes.addressof(zone))
            self._put_items("ClientTimeZone", bytes(zone), 1)
            name = bytes(zone.TimeZoneKeyName).decode(CODEC, "replace").partition("\0")[0]
            self.put("DynamicDSTTimeZoneKeyName", name)

    def _put_items(self, name: str, data: bytes, count: int) -> None:
        """Set a setting that is an array, by a function of FreeRDP 3."""
        self._library.core.freerdp_settings_set_pointer_len(
            ctypes.c_void_p(self.address),
            ctypes.c_size_t(self._library.key(name)),
            ctypes.c_char_p(data),
            ctypes.c_size_t(count),
        )

    def text(self, name: str) -> str:
        """Return a text; empty if there is none."""
        found = self._pointer(name, "string")
        return ctypes.string_at(found).decode(errors="replace") if found else ""

    def block(self, name: str) -> bytes:
        """Return a block of bytes; empty if there is none."""
        found = self._pointer(name, "pointer")
        return ctypes.string_at(found, self.number(name + "Length")) if found else b""

    def addresses(self) -> list[str]:
        """Return the addresses of a redirection's target."""
        found = self._pointer("TargetNetAddresses", "pointer")
        if not found:
            return []
        texts = (ctypes.c_char_p * self.number("TargetNetAddressCount")).from_address(found)
        return [(text or b"").decode(errors="replace") for text in texts]

    def _pointer(self, name: str, kind: str) -> int:
        library = self._library
        key = library.key(name)
        if library.major < 3:
            return slot(self.address, key).value or 0
        function = getattr(library.core, f"freerdp_settings_get_{kind}")
        function.restype = ctypes.c_void_p
        function.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        return function(self.address, key) or 0

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        library = self._library
        return bool(library.freerdp_settings_get_bool(self.address, library.key(name)))

    def number(self, name: str) -> int:
        """Return an unsigned 32-bit setting."""
        library = self._library
        value: int = library.freerdp_settings_get_uint32(self.address, library.key(name))
        return value
