"""The channel for touches (MS-RDPEI), as a dynamic channel of guacr's own.

FreeRDP has one as well, but sends only the latest state of a contact every 20 ms: a finger that
has been lifted before that was never down. It also sends all contacts with a radius of 2 pixels.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from ctypes import c_char_p, c_uint32, c_void_p
from threading import RLock
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Remark
from handlers.rdp.channel.touch import Touchable, TouchFrame
from handlers.rdp.freerdp import touch_pdus
from handlers.rdp.freerdp.addins import Addins
from handlers.rdp.freerdp.structs import (
    DynamicCallback,
    DynamicChannel,
    DynamicEntry,
    DynamicListener,
    DynamicManager,
    DynamicPlugin,
    Stream,
)
from handlers.rdp.freerdp.touch_pdus import Event, TouchError

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

CHANNEL = "rdpei"
"""FreeRDP's name of the channel."""
NAME = b"Microsoft::Windows::RDS::Input"
INVALID = 13
"""The error of an invalid message, after which FreeRDP closes the channel."""
_REGISTER = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_char_p, c_void_p)
_LISTEN = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_char_p, c_uint32, c_void_p, c_void_p)
_WRITE = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_char_p, c_void_p)


class TouchChannel:
    """Passes touches on to one client's server.

    Args:
        client: the client.
        addins: its parts of channels.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, addins: Addins, send: Callable[[Message], None]) -> None:
        self._client = client
        self._addins = addins
        self._send = send
        self._plugin: Any = DynamicPlugin()
        self._listener: Any = DynamicListener()
        self._callback: Any = DynamicCallback()
        self._lock = RLock()
        """Held while the channel is used, which FreeRDP frees after `_close` has returned."""
        self._channel = 0
        self._is_ready = False
        self._sent_at = 0.0

    def load(self) -> None:
        """Provide the channel, which FreeRDP loads if `MultiTouchInput` is set."""
        make = self._client.callback
        self._plugin.Initialize = make(c_uint32, self._initialize, c_void_p, c_void_p)
        self._listener.OnNewChannelConnection = make(
            c_uint32, self._open, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
        )
        self._callback.OnDataReceived = make(c_uint32, self._receive, c_void_p, c_void_p)
        self._callback.OnClose = make(c_uint32, self._close, c_void_p)
        self._addins.provide(CHANNEL, self._enter, is_whole=True)

    def put(self, frame: TouchFrame) -> None:
        """Send a frame, if the server accepts touches; on the client's thread."""
        with self._lock:
            if not self._channel or not self._is_ready:
                return
            now = time.monotonic()
            elapsed = round((now - self._sent_at) * 1e6) if self._sent_at else 0
            self._sent_at = now
            self._write(touch_pdus.touch(frame.touches(), elapsed))

    def _write(self, data: bytes) -> None:
        channel: Any = DynamicChannel.from_address(self._channel)
        _WRITE(channel.Write)(self._channel, len(data), data, None)

    def _set_ready(self, is_ready: bool) -> None:
        if is_ready != self._is_ready:
            self._is_ready = is_ready
            self._send(Touchable(is_ready))

    # ---- what FreeRDP calls

    def _enter(self, address: int) -> int:
        entry: Any = DynamicEntry.from_address(address)
        failed: int = _REGISTER(entry.RegisterPlugin)(
            address, CHANNEL.encode(), ctypes.addressof(self._plugin)
        )
        return failed

    def _initialize(self, _plugin: int, address: int) -> int:
        manager: Any = DynamicManager.from_address(address)
        failed: int = _LISTEN(manager.CreateListener)(
            address, NAME, 0, ctypes.addressof(self._listener), None
        )
        return failed

    def _open(self, _self: int, channel: int, _data: int, _accept: int, callback: int) -> int:
        with self._lock:
            self._channel, self._sent_at = channel, 0.0
            self._set_ready(False)
        c_void_p.from_address(callback).value = ctypes.addressof(self._callback)
        return 0

    def _receive(self, _self: int, address: int) -> int:
        stream: Any = Stream.from_address(address)
        size = stream.length - (stream.pointer - stream.buffer)
        try:
            event, version = touch_pdus.parse(ctypes.string_at(stream.pointer, size))
        except TouchError as error:
            self._send(Remark(str(error)))
            return INVALID
        with self._lock:
            if event == Event.SERVER_READY and self._channel:
                self._write(touch_pdus.client_ready(version))
            if event in (Event.SERVER_READY, Event.RESUME):
                self._set_ready(True)
            elif event == Event.SUSPEND:
                self._set_ready(False)
        return 0

    def _close(self, _self: int) -> int:
        with self._lock:
            self._channel = 0
            self._set_ready(False)
        return 0
