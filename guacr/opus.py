"""Opus (RFC 6716), encoded by libopus if it is installed."""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from typing import Any

from guacr.errors import GuacrError

RATE = 48000
"""Samples per second of each channel."""
FRAME = 960
"""Samples of each channel in a packet: 20 ms."""
LOOKAHEAD = 312
"""Samples of each channel by which what is decoded is behind what was encoded (libopus 1.x)."""
CHANNELS_MAX = 2
PACKET_MAX = 1276
"""Maximum bytes of a packet of one frame (RFC 6716, section 3.4)."""

_NAMES = ("libopus.so.0", "libopus.0.dylib")
_SAMPLE = 2
"""Bytes."""
# opus_defines.h
_APPLICATION_AUDIO = 2049
_SET_BITRATE = 4002
_SET_COMPLEXITY = 4010
_BITRATE = 64_000
"""Bits per second of each channel, at which music is hard to tell from the original."""
_COMPLEXITY = 5
"""Of 0 to 10: half the time of 10, for a difference that is hardly audible at this rate."""

_log = logging.getLogger("guacr.opus")


class OpusError(GuacrError):
    """libopus failed, which it does only without memory."""


class OpusEncoder:
    """Encodes one stream. Its state is freed with it.

    Args:
        channels: 1 or 2.

    Raises:
        OpusError: libopus is missing, or refused.
    """

    def __init__(self, channels: int) -> None:
        if channels not in range(1, CHANNELS_MAX + 1):
            raise ValueError(f"Opus streams have 1 or 2 channels, not {channels}")
        library = _library()
        if library is None:
            raise OpusError("libopus is not installed")
        self._library = library
        self._size = FRAME * channels * _SAMPLE
        self._packet = ctypes.create_string_buffer(PACKET_MAX)
        # The encoder's state is an array of Python's, so that nothing has to be destroyed.
        self._state = ctypes.create_string_buffer(library.opus_encoder_get_size(channels))
        self._check(library.opus_encoder_init(self._state, RATE, channels, _APPLICATION_AUDIO))
        self._set(_SET_BITRATE, _BITRATE * channels)
        self._set(_SET_COMPLEXITY, _COMPLEXITY)

    def encode(self, pcm: bytes) -> bytes:
        """Return the packet for one frame.

        Args:
            pcm: `FRAME` samples of 16 bits for each channel, interleaved, in the machine's byte
                order.

        Raises:
            ValueError: it is shorter or longer.
            OpusError: libopus failed.
        """
        if len(pcm) != self._size:
            raise ValueError(f"a frame has {self._size} bytes, not {len(pcm)}")
        length = self._library.opus_encode(self._state, pcm, FRAME, self._packet, PACKET_MAX)
        self._check(length)
        return self._packet.raw[:length]

    def _set(self, request: int, value: int) -> None:
        self._check(self._library.opus_encoder_ctl(self._state, request, ctypes.c_int32(value)))

    def _check(self, result: int) -> None:
        if result < 0:
            reason = self._library.opus_strerror(result).decode("ascii", "replace")
            raise OpusError(f"libopus failed: {reason}")


@cache
def is_available() -> bool:
    """Return whether sound can be encoded; the first call may log, once, that it cannot."""
    if _library() is None:
        _log.info(
            "sound is sent uncompressed: libopus is not installed (on Debian the package libopus0)"
        )
    return _library() is not None


@cache
def _library() -> Any:
    """Return the library with its functions declared, or None if it is missing."""
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
            _declare(library)
        except (OSError, AttributeError):  # not there, or another library of this name
            continue
        return library
    return None


def _declare(library: ctypes.CDLL) -> None:
    state, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    library.opus_encoder_get_size.argtypes = [number]
    library.opus_encoder_get_size.restype = number
    library.opus_encoder_init.argtypes = [state, ctypes.c_int32, number, number]
    library.opus_encoder_init.restype = number
    library.opus_encode.argtypes = [state, text, number, ctypes.c_void_p, ctypes.c_int32]
    library.opus_encode.restype = ctypes.c_int32
    # Variadic: ctypes passes what follows the declared arguments as the platform wants it.
    library.opus_encoder_ctl.argtypes = [state, number]
    library.opus_encoder_ctl.restype = number
    library.opus_strerror.argtypes = [number]
    library.opus_strerror.restype = text
