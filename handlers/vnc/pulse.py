"""PulseAudio's native protocol, without I/O, as far as it is needed to record what a host plays.

All requests are sent at once: log in, give a name, record the monitor of the default output. The
answers then contain the sound.
"""

from __future__ import annotations

from struct import Struct

from guacr.api import AudioFormat, UnauthorizedError, UpstreamError

VERSION = 13
"""The version of the protocol (2008). Newer ones bring nothing that is needed here; older servers
do not answer."""
PACKET_MAX = 1 << 18
"""Bytes; a server may send as many as were requested at a time, and answers are short."""
FRAGMENTS = 25
"""Parts in which a second of sound is requested."""

_HEADER = Struct(">IIIII")
"""Length, channel, upper and lower half of an offset, flags."""
_U32 = Struct(">BI")
_CONTROL = 0xFFFFFFFF
"""The channel of requests and answers."""
_NONE = 0xFFFFFFFF
"""An index that names nothing, and a size that is left to the server."""
_ERROR, _REPLY, _RECORD, _LOG_IN, _NAME, _KILLED = 0, 2, 5, 8, 9, 65
"""The commands."""
_COOKIE = bytes(256)
"""A cookie that is wrong: only servers that require none are supported."""
_ACCESS_DENIED, _NO_ENTITY = 1, 5
_S16LE = 3
_LEFT, _RIGHT = 1, 2


class PulseClient:
    """Records from one server.

    Args:
        audio: the format to request: 16 bits, two channels.
    """

    def __init__(self, audio: AudioFormat) -> None:
        self.is_recording = False
        """True if the server has accepted the requests."""
        self._audio = audio
        self._received = bytearray()
        self._channel: int | None = None

    def requests(self) -> bytes:
        """Return what to send at first; nothing else follows."""
        audio = self._audio
        positions = bytes((_LEFT, _RIGHT))
        record = (
            b"a" + bytes((_S16LE, audio.channels)) + audio.rate.to_bytes(4, "big"),
            b"m" + bytes((audio.channels,)) + positions,
            _number(_NONE),  # the source is named
            b"t@DEFAULT_MONITOR@\0",
            _number(_NONE),  # the length of the server's buffer
            b"0",  # it begins at once
            _number(audio.bytes_per_second // FRAGMENTS),
            b"0000000",  # nothing of the format is the source's, and the source may change
            b"01",  # no peaks only; the source's latency is as short as the parts
            b"PN",
            _number(_NONE),
        )
        return b"".join(
            (
                _packet(_LOG_IN, 0, _number(VERSION) + _bytes(_COOKIE)),
                _packet(_NAME, 1, b"Pt" + b"application.name\0" + _property(b"guacr\0") + b"N"),
                _packet(_RECORD, 2, b"".join(record)),
            )
        )

    def feed(self, data: bytes) -> list[bytes]:
        """Return the sound that received bytes complete.

        Raises:
            UnauthorizedError: the server requires a cookie.
            UpstreamError: it has another error, or violates the protocol.
        """
        received = self._received
        received += data
        sound: list[bytes] = []
        while len(received) >= _HEADER.size:
            length, channel, _, _, flags = _HEADER.unpack_from(received)
            if length > PACKET_MAX or (channel == _CONTROL and flags):
                raise _broken(f"a packet of {length} bytes with the flags {flags:x}")
            if len(received) < _HEADER.size + length:
                break
            packet = bytes(received[_HEADER.size : _HEADER.size + length])
            del received[: _HEADER.size + length]
            if channel == _CONTROL:
                self._answer(packet)
            elif channel == self._channel and self.is_recording:
                sound.append(packet)
        return sound

    def _answer(self, packet: bytes) -> None:
        command, tag = _number_at(packet, 0), _number_at(packet, 1)
        if command == _ERROR:
            raise _refused(_number_at(packet, 2))
        if command == _KILLED:
            raise UpstreamError("the PulseAudio server has ended the recording")
        if command == _REPLY and tag == 2:
            self._channel, self.is_recording = _number_at(packet, 2), True


def _refused(code: int) -> UpstreamError | UnauthorizedError:
    if code == _ACCESS_DENIED:
        return UnauthorizedError(
            "the PulseAudio server requires a cookie: allow this daemon's address with auth-ip-acl "
            "of module-native-protocol-tcp"
        )
    if code == _NO_ENTITY:
        return UpstreamError("the PulseAudio server has no output")
    return UpstreamError(f"the PulseAudio server refuses to be recorded (error {code})")


def _broken(what: str) -> UpstreamError:
    return UpstreamError(f"the PulseAudio server sent {what}")


def _packet(command: int, tag: int, arguments: bytes) -> bytes:
    content = _number(command) + _number(tag) + arguments
    return _HEADER.pack(len(content), _CONTROL, 0, 0, 0) + content


def _number(value: int) -> bytes:
    return _U32.pack(ord("L"), value)


def _number_at(packet: bytes, position: int) -> int:
    """Return one of the numbers with which an answer begins."""
    if len(packet) < (position + 1) * _U32.size:
        raise _broken("an answer that is too short")
    kind, value = _U32.unpack_from(packet, position * _U32.size)
    if kind != ord("L"):
        raise _broken("an answer without a number")
    return int(value)


def _bytes(data: bytes) -> bytes:
    return b"x" + len(data).to_bytes(4, "big") + data


def _property(data: bytes) -> bytes:
    return _number(len(data)) + _bytes(data)
