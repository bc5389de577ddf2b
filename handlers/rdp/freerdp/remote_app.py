"""The channel of programs that are shown without a desktop, RAIL (MS-RDPERP)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int, c_uint32, c_void_p
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import NOT_OFFERED, RemoteAppRefused
from handlers.rdp.freerdp.structs import (
    CONTEXT,
    Rail,
    RailCommand,
    RailExecute,
    RailExecuteResult,
    RailHandshake,
    RailStatus,
    RailSystemParameters,
    Update,
    WindowOrder,
    WindowState,
    WindowUpdate,
    slot,
)

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

CHANNEL = "rail"
SUPPORTED = 1
"""The flag of a server that has RAIL (MS-RDPERP 2.2.1.1.1)."""
LOCAL_MOVES, APP_BARS = 0x01, 0x40
"""The capabilities of the client (2.2.2.2.2). They are those of guacd, which works with Windows."""
WORK_AREA = 0x10
PARAMETERS = 0x02 | 0x04 | 0x08 | 0x80 | WORK_AREA
"""FreeRDP's flags for keyboard cues, keyboard preference, swapped buttons and contrast."""
CONTRAST = 0x7E
"""High contrast is available, and off (2.2.1.2.3)."""
EXPAND = 0x01 | 0x08
"""The host replaces environment variables in the directory and the arguments (2.2.2.3.1)."""
SHOW_STATE = 0x10
"""The flag of an order with the state of a window (2.2.1.3.1.2.1)."""
MINIMIZED = 2
RESTORE = 0xF120
ANSWERED_BY_CLIENT = (3, 27)
"""The first version of FreeRDP that does not answer handshakes itself."""
BUILD = 0x1DB0
"""The version of a client in its handshake."""
_SEND = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p)


class RemoteApp:
    """Starts the program that `RemoteApplicationProgram` names on one client's server.

    Args:
        client: the client.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, send: Callable[[Message], None]) -> None:
        self._client = client
        self._send = send
        self._rail: Any = None
        self._is_started = False

    def is_offered(self) -> bool:
        """Return whether the server has what is wanted, once it has stated its capabilities, and
        report it if it has not: it would show its desktop."""
        settings = self._client.settings
        if not self._is_wanted or settings.number("RemoteApplicationSupportLevel") & SUPPORTED:
            return True
        self._send(RemoteAppRefused(NOT_OFFERED))
        return False

    def open(self, address: int) -> None:
        """Use the channel: the server begins with a handshake."""
        make, context = self._client.callback, self._client.context
        rail: Any = Rail.from_address(address)
        self._rail, self._is_started = rail, False
        rail.custom = context  # without it, FreeRDP calls nothing
        rail.ServerHandshake = make(c_uint32, self._start, c_void_p, c_void_p)
        rail.ServerHandshakeEx = make(c_uint32, self._start, c_void_p, c_void_p)
        rail.ServerExecuteResult = make(c_uint32, self._note_result, c_void_p, c_void_p)
        update: Any = Update.from_address(slot(context, CONTEXT["update"]).value or 0)
        windows: Any = WindowUpdate.from_address(update.window)
        changed = make(c_int, self._restore, c_void_p, c_void_p, c_void_p)
        windows.WindowCreate = windows.WindowUpdate = changed

    def close(self) -> None:
        """Forget the channel: it is no longer there."""
        self._rail = None

    def follow_size(self) -> None:
        """Let windows have the whole desktop, whose size has changed."""
        if self._rail is not None and self._is_started:
            self._put_parameters(WORK_AREA)

    def _put(self, function: str, order: ctypes.Structure) -> int:
        failed: int = _SEND(getattr(self._rail, function))(
            ctypes.addressof(self._rail), ctypes.addressof(order)
        )
        return failed

    def _put_parameters(self, which: int) -> int:
        settings, order = self._client.settings, RailSystemParameters()
        order.params, order.contrastFlags = which, CONTRAST
        order.workArea[2:] = settings.number("DesktopWidth"), settings.number("DesktopHeight")
        return self._put("ClientSystemParam", order)

    @property
    def _is_wanted(self) -> bool:
        return bool(self._client.settings.text("RemoteApplicationProgram"))

    # ---- what FreeRDP calls

    def _start(self, _rail: int, _handshake: int) -> int:
        settings = self._client.settings
        program = RailExecute(
            EXPAND,
            settings.text("RemoteApplicationProgram").encode(),
            settings.text("RemoteApplicationWorkingDir").encode(),
            settings.text("RemoteApplicationCmdLine").encode(),
        )
        failed = 0
        if self._client.library.version >= ANSWERED_BY_CLIENT:
            failed = self._put("ClientHandshake", RailHandshake(BUILD))
        failed = failed or self._put("ClientInformation", RailStatus(LOCAL_MOVES | APP_BARS))
        failed = failed or self._put_parameters(PARAMETERS)
        self._is_started = True
        return failed or self._put("ClientExecute", program)

    def _note_result(self, _rail: int, address: int) -> int:
        result: Any = RailExecuteResult.from_address(address)
        if result.execResult:
            self._send(RemoteAppRefused(result.execResult))
        return 0

    def _restore(self, _context: int, order: int, state: int) -> int:
        """Show a window again that has been minimized: there is no task bar to do it with."""
        info: Any = WindowOrder.from_address(order)
        if (
            info.fieldFlags & SHOW_STATE
            and WindowState.from_address(state).showState == MINIMIZED
            and self._rail is not None
        ):
            self._put("ClientSystemCommand", RailCommand(info.windowId, RESTORE))
        return 1
