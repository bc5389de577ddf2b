"""The microphone's channel (MS-RDPEAI): a device from which FreeRDP records for the server."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int, c_size_t, c_uint32, c_void_p
from threading import Lock
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.virtual import MicrophoneClosed, MicrophoneOpened, Recorded
from handlers.rdp.freerdp.addins import Addins
from handlers.rdp.freerdp.sound import CHANNELS, PCM, RATES
from handlers.rdp.freerdp.structs import AudioFormat, MicrophoneDevice, MicrophoneEntry

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

CHANNEL = "audin"
BITS = 16
WAITING_MAX = 1.0
"""Seconds of sound that may wait to be sent to the server; the rest is dropped."""
_REGISTER = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p)
_RECEIVE = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p, c_size_t, c_void_p)


class Microphone:
    """Passes on what users say to one client's server.

    Args:
        client: the client.
        addins: its parts of channels.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, addins: Addins, send: Callable[[Message], None]) -> None:
        self._client = client
        self._addins = addins
        self._send = send
        self._device: Any = MicrophoneDevice()
        self._format: Any = AudioFormat()
        self._packet = 0
        """Bytes of a packet, as the server wants them."""
        self._lock = Lock()
        self._receive: tuple[int, int | None] | None = None
        """FreeRDP's function and its argument, while the server records."""
        self._waiting = bytearray()

    def load(self) -> None:
        """Have FreeRDP load the channel."""
        client, made = self._client, self._device
        made.Open = client.callback(c_uint32, self._open, c_void_p, c_void_p, c_void_p)
        made.FormatSupported = client.callback(c_int, self._supports, c_void_p, c_void_p)
        made.SetFormat = client.callback(c_uint32, self._set_format, c_void_p, c_void_p, c_uint32)
        made.Close = client.callback(c_uint32, self._close, c_void_p)
        made.Free = client.callback(c_uint32, self._close, c_void_p)
        self._addins.provide(CHANNEL, self._enter)
        self._addins.load(CHANNEL, static=False)

    def take(self, sound: Recorded) -> None:
        """Note sound for the server; called on any thread."""
        with self._lock:
            most = self._packet + WAITING_MAX * self._format.nAvgBytesPerSec
            if self._receive is None or len(self._waiting) + len(sound.data) > most:
                return
            self._waiting += sound.data
        self._client.call_soon(self._work)

    def _work(self) -> None:
        """Send whole packets, on the client's thread."""
        with self._lock:
            while self._receive is not None and len(self._waiting) >= self._packet:
                function, argument = self._receive
                data = ctypes.create_string_buffer(bytes(self._waiting[: self._packet]))
                del self._waiting[: self._packet]
                _RECEIVE(function)(
                    ctypes.addressof(self._format), ctypes.addressof(data), self._packet, argument
                )

    # ---- what FreeRDP calls

    def _enter(self, address: int) -> int:
        entry: Any = MicrophoneEntry.from_address(address)
        register = _REGISTER(entry.pRegisterAudinDevice)
        done: int = register(entry.plugin, ctypes.addressof(self._device))
        return done

    def _supports(self, _device: int, address: int) -> int:
        audio: Any = AudioFormat.from_address(address)
        return (
            audio.wFormatTag == PCM
            and audio.wBitsPerSample == BITS
            and audio.nChannels in CHANNELS
            and audio.nSamplesPerSec in RATES
        )

    def _set_format(self, _device: int, address: int, frames: int) -> int:
        given: Any = AudioFormat.from_address(address)
        rate, channels = given.nSamplesPerSec, given.nChannels
        frame = channels * BITS // 8
        with self._lock:
            self._format = AudioFormat(PCM, channels, rate, rate * frame, frame, BITS, 0, None)
            self._packet = min(max(frames, 1), rate) * frame
        return 0

    def _open(self, _device: int, receive: int, argument: int | None) -> int:
        with self._lock:
            self._receive = receive, argument
            self._waiting.clear()
        self._send(MicrophoneOpened(self._format.nSamplesPerSec, self._format.nChannels))
        return 0

    def _close(self, _device: int) -> int:
        with self._lock:
            was_open, self._receive = self._receive is not None, None
        if was_open:
            self._send(MicrophoneClosed())
        return 0
