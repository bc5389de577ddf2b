"""Static channels of the connection's own (MS-RDPBCGR 3.1.5.2), which the daemon names.

FreeRDP calls back on the client's thread. What the daemon sends is written on it, too.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_uint32, c_void_p
from threading import Lock
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.pipes import (
    WINDOW,
    PipeGiven,
    PipeOffer,
    PipeOpened,
    PipeReceived,
    PipeTaken,
    PipeWritten,
)
from handlers.rdp.freerdp.structs import CONTEXT, ChannelDefinition, ChannelEntryPoints, slot

if TYPE_CHECKING:
    from handlers.rdp.freerdp.addins import Addins
    from handlers.rdp.freerdp.client import Client

CONNECTED, RECEIVED, WRITTEN, CANCELLED = 1, 10, 11, 12
"""Events."""
FIRST, LAST = 1, 2
"""Flags of a part of a message."""
INITIALIZED, ENCRYPTED, SHOWS_PROTOCOL = 0x80000000, 0x40000000, 0x00200000
"""Options of a channel (MS-RDPBCGR 2.2.1.3.4.1)."""
DEVICES = "rdpdr"
"""The channel of redirected devices (MS-RDPEFS 2.1)."""
VERSION = 1
"""Of the interface."""
_INIT = ctypes.CFUNCTYPE(
    c_uint32, c_void_p, c_void_p, c_void_p, c_void_p, c_int, c_uint32, c_void_p
)
_OPEN = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p, c_char_p, c_void_p)
_WRITE = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_uint32, c_void_p, c_uint32, c_void_p)


class StaticChannels:
    """The channels of one client.

    Args:
        client: the client.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, send: Callable[[Message], None]) -> None:
        self._client = client
        self._send = send
        self._lock = Lock()
        self._channels: dict[str, _Channel] = {}
        self._given: deque[PipeGiven] = deque()
        self._taken = 0
        self._unsent: deque[PipeReceived] = deque()
        self._outstanding = 0
        """The cost of what the daemon was sent, and has not passed on."""

    @property
    def is_full(self) -> bool:
        """True if nothing more may be received: the daemon could not pass it on."""
        return bool(self._unsent)

    def provide(self, addins: Addins) -> None:
        """Replace FreeRDP's own channel for devices, which it has together with sound."""
        if DEVICES in self._channels:
            addins.replace(DEVICES, self._channels[DEVICES].entry_address)

    def load(self) -> None:
        """Register the channels that FreeRDP has not loaded, before the connection."""
        for channel in self._channels.values():
            channel.load()

    def handle(self, message: PipeOffer | PipeGiven | PipeTaken) -> None:
        """Handle a message of the daemon; called on any thread."""
        with self._lock:
            match message:
                case PipeOffer():
                    self._channels[message.name] = _Channel(self._client, message, self)
                case PipeGiven():
                    self._given.append(message)
                case PipeTaken():
                    self._taken += message.size
        self._client.call_soon(self._work)

    # ---- on the client's thread

    def _work(self) -> None:
        with self._lock:
            given, self._given = list(self._given), deque()
            self._outstanding -= self._taken
            self._taken = 0
        for message in given:
            if message.name in self._channels:
                self._channels[message.name].write(message.data, is_last=message.last)
        self._forward()

    def received(self, message: PipeReceived) -> None:
        """Pass a message on as soon as the daemon may be sent it."""
        self._unsent.append(message)
        self._forward()

    def opened(self, name: str) -> None:
        """Report that a channel can be written to."""
        self._send(PipeOpened(name))

    def written(self, name: str) -> None:
        """Report that a message has been sent to the server."""
        self._send(PipeWritten(name))

    def _forward(self) -> None:
        while self._unsent and self._outstanding < WINDOW:
            message = self._unsent.popleft()
            self._outstanding += message.cost
            self._send(message)


class _Channel:
    """One channel. FreeRDP regards each as a plug-in of its own."""

    def __init__(self, client: Client, offer: PipeOffer, owner: StaticChannels) -> None:
        self._client = client
        self._name = offer.name
        self._owner = owner
        options = INITIALIZED | ENCRYPTED | (SHOWS_PROTOCOL if offer.shows_protocol else 0)
        self._definition = ChannelDefinition(offer.name.encode(), options)
        self.entry_address = client.callback(c_int, self._enter, c_void_p, c_void_p)
        """The function that FreeRDP calls to load it."""
        self._entry: Any = None
        self._init_handle = 0
        self._handle: c_uint32 | None = None
        self._buffers: deque[Any] = deque()
        """Data that FreeRDP has not sent yet."""
        self._given = bytearray()
        """The parts of a message for the server."""
        self._message = bytearray()
        """The part of a message that has been received, and not passed on."""

    def load(self) -> None:
        if self._entry is not None:
            return
        client = self._client
        channels = slot(client.context, CONTEXT["channels"]).value
        client.library.freerdp_channels_client_load_ex(
            channels, client.settings.address, self.entry_address, None
        )

    def write(self, data: bytes, *, is_last: bool) -> None:
        """Write a message once its last part is given."""
        self._given += data
        if not is_last:
            return
        size = len(self._given)
        if self._handle is None:
            self._given.clear()
            self._owner.written(self._name)
            return
        buffer = (ctypes.c_char * size).from_buffer(self._given)
        self._given = bytearray()
        self._buffers.append(buffer)
        failed = _WRITE(self._entry.pVirtualChannelWriteEx)(
            self._init_handle, self._handle.value, ctypes.addressof(buffer), size, None
        )
        if failed:
            self._buffers.pop()
            self._owner.written(self._name)

    # ---- what FreeRDP calls

    def _enter(self, address: int, handle: int) -> int:
        client = self._client
        self._entry = ChannelEntryPoints.from_buffer_copy(
            ctypes.string_at(address, ctypes.sizeof(ChannelEntryPoints))
        )
        self._init_handle = handle
        event = client.callback(
            None, self._connect, c_void_p, c_void_p, c_uint32, c_void_p, c_uint32
        )
        failed = _INIT(self._entry.pVirtualChannelInitEx)(
            handle, None, handle, ctypes.addressof(self._definition), 1, VERSION, event
        )
        return not failed

    def _connect(self, _user: int, handle: int, event: int, _data: int, _size: int) -> None:
        if event != CONNECTED:
            return
        opened, events = c_uint32(), self._client.callback(
            None, self._handle_event, c_void_p, c_uint32, c_uint32, c_void_p, c_uint32, c_uint32,
            c_uint32,
        )  # fmt: skip
        failed = _OPEN(self._entry.pVirtualChannelOpenEx)(
            handle, ctypes.addressof(opened), self._name.encode(), events
        )
        if not failed:
            self._handle = opened
            self._owner.opened(self._name)

    def _handle_event(
        self, _user: int, _handle: int, event: int, data: int, size: int, _total: int, flags: int
    ) -> None:
        if event == RECEIVED:
            self._receive(ctypes.string_at(data, size), flags)
        elif event in (WRITTEN, CANCELLED) and self._buffers:
            self._buffers.popleft()
            self._owner.written(self._name)

    def _receive(self, data: bytes, flags: int) -> None:
        if flags & FIRST:
            self._message.clear()
        self._message += data
        is_last = bool(flags & LAST)
        if is_last or len(self._message) + len(data) > PART_MAX:
            for start in range(0, len(self._message), PART_MAX):
                end = start + PART_MAX
                part, is_end = self._message[start:end], end >= len(self._message)
                self._owner.received(PipeReceived(self._name, bytes(part), is_last and is_end))
            self._message.clear()
