"""The device that FreeRDP records from, called as FreeRDP calls it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int, c_size_t, c_uint32, c_void_p
from typing import Any, cast

import pytest

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.virtual import MicrophoneClosed, MicrophoneOpened, Recorded
from handlers.rdp.freerdp.addins import Addins
from handlers.rdp.freerdp.client import Client
from handlers.rdp.freerdp.microphone import Microphone
from handlers.rdp.freerdp.sound import PCM
from handlers.rdp.freerdp.structs import AudioFormat, MicrophoneDevice, MicrophoneEntry

_ON_FORMAT = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
_SET_FORMAT = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p, c_uint32)
_OPEN = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p, c_void_p)
_CLOSE = ctypes.CFUNCTYPE(c_uint32, c_void_p)
RATE, CHANNEL = 8000, 99


class FreeRdp:
    """FreeRDP's side of a device, as a client and its parts of channels show it."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.received: list[bytes] = []
        self._kept: list[Any] = []
        self._device: Any = None
        self.microphone = Microphone(cast(Client, self), cast(Addins, self), self.sent.append)
        self.microphone.load()

    def callback(self, result: Any, function: Callable[..., Any], *arguments: Any) -> int:
        made = ctypes.CFUNCTYPE(result, *arguments)(function)
        self._kept.append(made)
        return ctypes.cast(made, c_void_p).value or 0

    def call_soon(self, function: Callable[[], None]) -> None:
        function()

    def provide(self, _channel: str, enter: Callable[[int], int]) -> None:
        register = self.callback(c_uint32, self._register, c_void_p, c_void_p)
        assert enter(ctypes.addressof(MicrophoneEntry(7, register, None, None))) == 0

    def load(self, channel: str, *, static: bool) -> None:
        assert (channel, static) == ("audin", False)

    def _register(self, plugin: int, device: int) -> int:
        assert plugin == 7
        self._device = MicrophoneDevice.from_address(device)
        return 0

    def _receive(self, _audio: int, data: int, size: int, channel: int) -> int:
        assert channel == CHANNEL
        self.received.append(ctypes.string_at(data, size))
        return 0

    # ---- what it calls

    def supports(self, audio: AudioFormat) -> bool:
        return bool(_ON_FORMAT(self._device.FormatSupported)(None, ctypes.addressof(audio)))

    def open(self, frames: int) -> None:
        audio = AudioFormat(PCM, 1, RATE, 0, 0, 16, 0, None)
        assert not _SET_FORMAT(self._device.SetFormat)(None, ctypes.addressof(audio), frames)
        receive = self.callback(c_uint32, self._receive, c_void_p, c_void_p, c_size_t, c_void_p)
        assert not _OPEN(self._device.Open)(None, receive, CHANNEL)

    def close(self) -> None:
        assert not _CLOSE(self._device.Close)(None)


@pytest.fixture
def freerdp() -> FreeRdp:
    return FreeRdp()


def test_packets_have_the_size_that_the_server_wants(freerdp: FreeRdp) -> None:
    freerdp.microphone.take(Recorded(b"lost"))
    freerdp.open(frames=3)
    for part in (b"ab", b"cdefgh", b"ijklmnop"):
        freerdp.microphone.take(Recorded(part))
    freerdp.close()
    freerdp.close()
    freerdp.microphone.take(Recorded(b"lost"))
    assert freerdp.received == [b"abcdef", b"ghijkl"]
    assert freerdp.sent == [MicrophoneOpened(RATE, 1), MicrophoneClosed()]


def test_nothing_of_an_earlier_recording_is_left(freerdp: FreeRdp) -> None:
    freerdp.open(frames=3)
    freerdp.microphone.take(Recorded(b"ab"))
    freerdp.close()
    freerdp.open(frames=1)
    freerdp.microphone.take(Recorded(b"cd"))
    assert freerdp.received == [b"cd"]


@pytest.mark.parametrize("frames", [0, 1 << 31])
def test_packets_have_a_limit(frames: int, freerdp: FreeRdp) -> None:
    freerdp.open(frames)
    for _ in range(10):
        freerdp.microphone.take(Recorded(bytes(RATE)))
    assert {len(data) for data in freerdp.received} == {2 * RATE if frames else 2}


def test_supported_formats(freerdp: FreeRdp) -> None:
    assert freerdp.supports(AudioFormat(PCM, 2, 44100, 0, 0, 16, 0, None))
    assert not freerdp.supports(AudioFormat(PCM, 2, 44100, 0, 0, 8, 0, None))
    assert not freerdp.supports(AudioFormat(2, 2, 44100, 0, 0, 16, 0, None))
