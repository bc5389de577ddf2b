"""The device that FreeRDP plays to, called as FreeRDP calls it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int, c_size_t, c_uint32, c_void_p
from typing import Any, cast

import pytest

from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.virtual import SoundBegun, Sounded, SoundEnded, SoundVolume
from handlers.rdp.freerdp.addins import Addins
from handlers.rdp.freerdp.client import Client
from handlers.rdp.freerdp.sound import FULL, PCM, Sound
from handlers.rdp.freerdp.structs import AudioFormat, SoundDevice, SoundEntry

ADPCM = 2
_ON_FORMAT = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
_OPEN = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_uint32)
_PLAY = ctypes.CFUNCTYPE(c_uint32, c_void_p, c_void_p, c_size_t)
_SET_VOLUME = ctypes.CFUNCTYPE(c_int, c_void_p, c_uint32)
_GET_VOLUME = ctypes.CFUNCTYPE(c_uint32, c_void_p)
_CLOSE = ctypes.CFUNCTYPE(None, c_void_p)


class FreeRdp:
    """FreeRDP's side of a device, as a client and its parts of channels show it."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.loaded: list[tuple[str, tuple[str, ...], bool]] = []
        self._kept: list[Any] = []
        self._device: Any = None
        Sound(cast(Client, self), cast(Addins, self), self.sent.append).load()

    def callback(self, result: Any, function: Callable[..., Any], *arguments: Any) -> int:
        made = ctypes.CFUNCTYPE(result, *arguments)(function)
        self._kept.append(made)
        return ctypes.cast(made, c_void_p).value or 0

    def provide(self, _channel: str, enter: Callable[[int], int]) -> None:
        register = self.callback(None, self._register, c_void_p, c_void_p)
        entry = SoundEntry(7, register, None)
        assert enter(ctypes.addressof(entry)) == 0

    def load(self, channel: str, *options: str, static: bool) -> None:
        self.loaded.append((channel, options, static))

    def _register(self, plugin: int, device: int) -> None:
        assert plugin == 7
        self._device = SoundDevice.from_address(device)

    # ---- what it calls

    def supports(self, audio: AudioFormat) -> bool:
        return bool(_ON_FORMAT(self._device.FormatSupported)(None, ctypes.addressof(audio)))

    def open(self, audio: AudioFormat) -> None:
        assert _OPEN(self._device.Open)(None, ctypes.addressof(audio), 0)

    def play(self, data: bytes) -> None:
        buffer = ctypes.create_string_buffer(data, max(len(data), 1))
        _PLAY(self._device.Play)(None, ctypes.addressof(buffer), len(data))

    def set_volume(self, volume: int) -> int:
        assert _SET_VOLUME(self._device.SetVolume)(None, volume)
        found: int = _GET_VOLUME(self._device.GetVolume)(None)
        return found

    def close(self) -> None:
        _CLOSE(self._device.Close)(None)


def pcm(rate: int = 44100, channels: int = 2, bits: int = 16, tag: int = PCM) -> AudioFormat:
    return AudioFormat(tag, channels, rate, rate * channels * bits // 8, 4, bits, 0, None)


@pytest.fixture
def freerdp() -> FreeRdp:
    return FreeRdp()


def test_both_channels_are_loaded(freerdp: FreeRdp) -> None:
    assert freerdp.loaded == [("rdpsnd", ("latency:500",), True)]


@pytest.mark.parametrize("audio", [pcm(), pcm(8000, 1), pcm(22050, 1, 8), pcm(192_000)])
def test_supported_formats(audio: AudioFormat, freerdp: FreeRdp) -> None:
    assert freerdp.supports(audio)


@pytest.mark.parametrize(
    "audio",
    [pcm(3999), pcm(192_001), pcm(channels=6), pcm(channels=0), pcm(bits=24), pcm(tag=ADPCM)],
)
def test_formats_that_are_not_heard(audio: AudioFormat, freerdp: FreeRdp) -> None:
    assert not freerdp.supports(audio)
    freerdp.open(audio)
    freerdp.play(b"abcd")
    freerdp.close()
    assert not freerdp.sent


def test_sound_in_two_formats(freerdp: FreeRdp) -> None:
    freerdp.play(b"lost")
    freerdp.close()
    freerdp.open(pcm())
    freerdp.play(b"abcd")
    freerdp.play(b"")
    freerdp.close()
    freerdp.open(pcm(22050, 1))
    freerdp.play(b"ef")
    freerdp.close()
    freerdp.close()
    assert freerdp.sent == [
        SoundBegun(44100, 2),
        Sounded(b"abcd"),
        SoundEnded(),
        SoundBegun(22050, 1),
        Sounded(b"ef"),
        SoundEnded(),
    ]


def test_samples_of_8_bits_become_such_of_16(freerdp: FreeRdp) -> None:
    freerdp.open(pcm(8000, 1, 8))
    freerdp.play(bytes([0x80, 0xFF, 0x00]))
    assert freerdp.sent[1:] == [Sounded(bytes([0, 0, 0, 0x7F, 0, 0x80]))]


@pytest.mark.parametrize("bits", [8, 16])
def test_large_parts_are_cut(bits: int, freerdp: FreeRdp) -> None:
    freerdp.open(pcm(bits=bits))
    freerdp.play(bytes([0x80]) * 3 * PART_MAX)
    parts = [message.data for message in freerdp.sent if isinstance(message, Sounded)]
    assert max(map(len, parts)) <= PART_MAX
    assert sum(map(len, parts)) == 3 * PART_MAX * 16 // bits


def test_the_volume(freerdp: FreeRdp) -> None:
    assert freerdp.set_volume(FULL) == FULL
    assert freerdp.set_volume(0x1234_FFFF) == 0x1234_FFFF
    assert freerdp.sent == [SoundVolume(0xFFFF, 0x1234)]
