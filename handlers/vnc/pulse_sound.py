"""The sound of a host with a PulseAudio server that accepts connections over TCP."""

from __future__ import annotations

import asyncio
import socket

from guacr.api import BadRequestError, Network, UpstreamError, UpstreamTimeoutError, shorten
from handlers.dial import dial
from handlers.vnc.pulse import PulseClient
from handlers.vnc.sound import FORMAT, Sound

PORT = 4713
HANDSHAKE_TIMEOUT = 10.0
"""Seconds within which the server must begin to send."""
READ_MAX = 1 << 16
"""Bytes."""


def pulse_address(text: str) -> tuple[str, int]:
    """Return host and port of a PulseAudio server: HOST or HOST:PORT, with `tcp:` before it as in
    PulseAudio's own notation.

    Raises:
        BadRequestError: it is neither.
    """
    place = text.strip().removeprefix("tcp:").removeprefix("tcp4:").removeprefix("tcp6:")
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]") or (":" in host.strip("[]") and not host.endswith("]")):
        host, port = place, str(PORT)
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 1 << 16
    if not host or "/" in host or not is_port:
        raise BadRequestError(
            f"parameter audio-servername is not a host ({shorten(text)}): give HOST or HOST:PORT"
        )
    return host, int(port)


async def play_pulse(network: Network, server: str, sound: Sound) -> None:
    """Play what a PulseAudio server plays, until it ends.

    Raises:
        GuacrError: the reason why there is no sound, or no more.
    """
    host, port = pulse_address(server)
    sock = await dial(network, host, port, HANDSHAKE_TIMEOUT)
    try:
        await _record(sock, sound)
    except OSError:
        raise UpstreamError("the connection to the PulseAudio server was lost") from None
    finally:
        sock.close()
        sound.end()


async def _record(sock: socket.socket, sound: Sound) -> None:
    loop, client = asyncio.get_running_loop(), PulseClient(FORMAT)
    await loop.sock_sendall(sock, client.requests())
    try:
        async with asyncio.timeout(HANDSHAKE_TIMEOUT) as handshake:
            while data := await loop.sock_recv(sock, READ_MAX):
                for part in client.feed(data):
                    _play(sound, part)
                if client.is_recording:
                    handshake.reschedule(None)
    except TimeoutError:
        raise UpstreamTimeoutError("this is not a PulseAudio server: check the port") from None
    raise UpstreamError("the PulseAudio server has closed the connection")


def _play(sound: Sound, part: bytes) -> None:
    """Play a part, unless it is silent."""
    if part.count(0) != len(part):
        sound.begin()
        sound.play(part)
