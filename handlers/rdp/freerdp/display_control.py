"""The channel by which a client asks for another size of the desktop (MS-RDPEDISP)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Layout, Resizable
from handlers.rdp.freerdp.structs import DisplayControl, MonitorLayout

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

CHANNEL = "Microsoft::Windows::RDS::DisplayControl"
PRIMARY = 1
"""The flag of the first monitor."""
_SEND = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)


class Sizes:
    """Asks the server of one client for sizes.

    Args:
        client: the client.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, send: Callable[[Message], None]) -> None:
        self._client = client
        self._send = send
        self._interface: Any = None

    def open(self, address: int) -> None:
        """Use the channel, once the server has said what it allows."""
        interface: Any = DisplayControl.from_address(address)

        def allowed(_context: int, monitors: int, factor_a: int, factor_b: int) -> int:
            self._interface = interface
            self._send(Resizable(monitors, factor_a, factor_b))
            return 0

        number = ctypes.c_uint32
        interface.DisplayControlCaps = self._client.callback(
            number, allowed, ctypes.c_void_p, number, number, number
        )

    def close(self) -> None:
        """Forget the channel: it is no longer there."""
        self._interface = None

    def request(self, layout: Layout) -> None:
        """Ask for a size."""
        interface = self._interface
        if interface is None:
            return
        monitors = (MonitorLayout * layout.monitors)()
        for monitor, left in zip(monitors, layout.columns(), strict=True):
            monitor.Flags, monitor.Left = 0 if left else PRIMARY, left
            monitor.Width, monitor.Height = layout.width // layout.monitors, layout.height
            monitor.PhysicalWidth = layout.physical_width // layout.monitors
            monitor.PhysicalHeight = layout.physical_height
            monitor.DesktopScaleFactor = layout.desktop_scale
            monitor.DeviceScaleFactor = layout.device_scale
        send = _SEND(interface.SendMonitorLayout)
        send(ctypes.addressof(interface), len(monitors), ctypes.addressof(monitors))
