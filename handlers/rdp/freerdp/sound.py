"""The sound's channel (MS-RDPEA): a device for FreeRDP that plays to the daemon."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int, c_size_t, c_uint32, c_void_p
from typing import TYPE_CHECKING, Any

from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.virtual import SoundBegun, Sounded, SoundEnded, SoundVolume
from handlers.rdp.freerdp.addins import Addins
from handlers.rdp.freerdp.structs import AudioFormat, SoundDevice, SoundEntry

if TYPE_CHECKING:
    from handlers.rdp.freerdp.client import Client

CHANNEL = "rdpsnd"
LATENCY = 500
"""Milliseconds by which sound may arrive before its time; FreeRDP drops what exceeds them."""
PCM = 1
"""The tag of samples that are not compressed (RFC 2361)."""
RATES = range(4000, 192_001)
CHANNELS = (1, 2)
FULL = 0xFFFFFFFF
"""The volume at which sound is unchanged: 16 bits for each channel."""
_REGISTER = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
_SIGNED = bytes(sample ^ 0x80 for sample in range(256))
"""Translates samples of 8 bits, which are unsigned."""


class Sound:
    """Passes on the sound of one client's server, as samples of 16 bits. FreeRDP uses it for the
    static and for the dynamic channel; a server plays on one of them.

    Args:
        client: the client.
        addins: its parts of channels.
        send: sends a message to the daemon.
    """

    def __init__(self, client: Client, addins: Addins, send: Callable[[Message], None]) -> None:
        self._client = client
        self._addins = addins
        self._device: Any = SoundDevice()
        self._send = send
        self._bits = 16
        self._is_open = False
        self._volume = FULL

    def load(self) -> None:
        """Have FreeRDP load the channel."""
        client, made = self._client, self._device
        made.FormatSupported = client.callback(c_int, self._supports, c_void_p, c_void_p)
        made.Open = client.callback(c_int, self._open, c_void_p, c_void_p, c_uint32)
        made.GetVolume = client.callback(c_uint32, self._get_volume, c_void_p)
        made.SetVolume = client.callback(c_int, self._set_volume, c_void_p, c_uint32)
        made.Play = client.callback(c_uint32, self._play, c_void_p, c_void_p, c_size_t)
        made.Start = client.callback(None, _ignore, c_void_p)
        made.Close = client.callback(None, self._close, c_void_p)
        made.Free = client.callback(None, _ignore, c_void_p)
        self._addins.provide(CHANNEL, self._enter)
        self._addins.load(CHANNEL, f"latency:{LATENCY}", static=True)

    def _enter(self, address: int) -> int:
        entry: Any = SoundEntry.from_address(address)
        _REGISTER(entry.pRegisterRdpsndDevice)(entry.rdpsnd, ctypes.addressof(self._device))
        return 0

    def _supports(self, _device: int, address: int) -> int:
        audio: Any = AudioFormat.from_address(address)
        return (
            audio.wFormatTag == PCM
            and audio.wBitsPerSample in (8, 16)
            and audio.nChannels in CHANNELS
            and audio.nSamplesPerSec in RATES
        )

    def _open(self, _device: int, address: int, _latency: int) -> int:
        """Begin to play. A format that is not supported is not heard: an error would end the
        connection."""
        audio: Any = AudioFormat.from_address(address)
        self._is_open = bool(self._supports(0, address))
        if self._is_open:
            self._bits = audio.wBitsPerSample
            self._send(SoundBegun(audio.nSamplesPerSec, audio.nChannels))
        return 1

    def _close(self, _device: int) -> None:
        if self._is_open:
            self._is_open = False
            self._send(SoundEnded())

    def _get_volume(self, _device: int) -> int:
        return self._volume

    def _set_volume(self, _device: int, volume: int) -> int:
        if volume != self._volume:
            self._volume = volume
            self._send(SoundVolume(volume & 0xFFFF, volume >> 16))
        return 1

    def _play(self, _device: int, data: int, size: int) -> int:
        """Play samples, and return after how many milliseconds they are heard, which is unknown."""
        for start in range(0, size if self._is_open else 0, PART_MAX // 2):
            part = ctypes.string_at(data + start, min(PART_MAX // 2, size - start))
            self._send(Sounded(part if self._bits == 16 else _widened(part)))
        return 0


def _widened(data: bytes) -> bytes:
    """Return samples of 8 bits as such of 16 bits."""
    wide = bytearray(2 * len(data))
    wide[1::2] = data.translate(_SIGNED)
    return bytes(wide)


def _ignore(_device: int) -> None:
    """Do nothing."""
