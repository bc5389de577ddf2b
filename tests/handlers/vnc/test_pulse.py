"""Sound of a PulseAudio server: the real one, and servers that violate its protocol."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.daemon import Daemon
from guacr.errors import BadRequestError, GuacrError, UnauthorizedError, UpstreamError
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.pulse import PACKET_MAX, PulseClient
from handlers.vnc.pulse_sound import pulse_address
from handlers.vnc.sound import FORMAT
from tests.support.pulseaudio import PITCH, pulseaudio
from tests.support.waiting import until
from tests.support.xvnc import Desktop

CONTROL = 0xFFFFFFFF


def packet(content: bytes, channel: int = CONTROL, flags: int = 0) -> bytes:
    return pack(">IIIII", len(content), channel, 0, 0, flags) + content


def numbers(*values: int) -> bytes:
    return b"".join(b"L" + pack(">I", value) for value in values)


ACCEPTED = packet(numbers(2, 0, 35)) + packet(numbers(2, 1, 7)) + packet(numbers(2, 2, 4, 0))


def values_of(desktop: Desktop, server: str) -> dict[str, str]:
    return desktop.parameters | {"enable-audio": "true", "audio-servername": server}


async def test_a_tone_arrives_as_one(daemon: Daemon, desktop: Desktop, tmp_path: Path) -> None:
    async with pulseaudio(tmp_path) as server:
        values = values_of(desktop, server)
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await client.wait(lambda: client.canvas.counts["audio"], "sound")
        before = client.received
        await client.wait(lambda: client.received > before + 200_000, "more of it")
    await client.wait(lambda: client.state.streams, "its end, with that of the server")
    await client.close()
    (played,) = client.state.streams
    assert played.args == (FORMAT.mimetype,)
    left = np.frombuffer(bytes(played.data), "<i2")[::2].astype(float)
    spectrum = np.abs(np.fft.rfft(left - left.mean()))
    assert abs(spectrum.argmax() * FORMAT.rate / len(left) - PITCH) < PITCH / 50


@pytest.mark.parametrize(
    ("access", "told"),
    [("", "requires a cookie"), ("auth-ip-acl=127.0.0.1", "")],
)
async def test_who_may_connect(
    daemon: Daemon,
    desktop: Desktop,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    access: str,
    told: str,
) -> None:
    async with pulseaudio(tmp_path, access) as server:
        client = await GuacClient.connect(address(daemon), "vnc", values_of(desktop, server))
        async with client:
            if told:
                await until(lambda: told in caplog.text, "the reason")
                await client.wait(lambda: client.state.syncs, "the desktop nevertheless")
            else:
                await client.wait(lambda: client.canvas.counts["audio"], "sound")
    assert ("there is no sound" in caplog.text) == bool(told)


async def test_silence_is_not_sent(
    daemon: Daemon, desktop: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: list[bytes] = []
    feed = PulseClient.feed

    def noted(self: PulseClient, data: bytes) -> list[bytes]:
        found = feed(self, data)
        parts.extend(found)
        return found

    monkeypatch.setattr(PulseClient, "feed", noted)
    async with pulseaudio(tmp_path, plays=False) as server:
        client = await GuacClient.connect(address(daemon), "vnc", values_of(desktop, server))
        async with client:
            await until(lambda: len(parts) > 20, "silence")
            assert not client.canvas.counts["audio"]


async def test_a_server_that_does_not_exist(
    daemon: Daemon, desktop: Desktop, caplog: pytest.LogCaptureFixture
) -> None:
    values = values_of(desktop, "127.0.0.1:1")
    async with await GuacClient.connect(address(daemon), "vnc", values) as client:
        await client.wait(lambda: client.state.syncs, "the desktop")
        await until(lambda: "there is no sound" in caplog.text, "the reason")
    assert "host '127.0.0.1' refuses connections to port 1" in caplog.text


async def test_a_server_that_closes(
    daemon: Daemon, desktop: Desktop, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(PulseClient(FORMAT).requests()))
        writer.write(ACCEPTED)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        host, port = listener.sockets[0].getsockname()
        values = values_of(desktop, f"{host}:{port}")
        async with await GuacClient.connect(address(daemon), "vnc", values) as client:
            await client.wait(lambda: client.state.syncs, "the desktop")
            await until(lambda: "there is no sound" in caplog.text, "the reason")
    assert "the PulseAudio server has closed the connection" in caplog.text


def test_received_bytes_may_be_cut_anywhere() -> None:
    sound = packet(b"abcd", 4) + packet(b"other", 5) + packet(b"efgh", 4)
    stream = packet(b"early", 4) + ACCEPTED + packet(numbers(82, CONTROL, 0)) + sound
    for step in range(1, len(stream)):
        client = PulseClient(FORMAT)
        parts = [stream[at : at + step] for at in range(0, len(stream), step)]
        assert [one for part in parts for one in client.feed(part)] == [b"abcd", b"efgh"]


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        (packet(numbers(0, 0, 1)), UnauthorizedError, "requires a cookie"),
        (packet(numbers(0, 2, 5)), UpstreamError, "has no output"),
        (packet(numbers(0, 2, 9)), UpstreamError, r"\(error 9\)"),
        (packet(numbers(65, CONTROL, 4)), UpstreamError, "ended the recording"),
        (packet(numbers(2)), UpstreamError, "too short"),
        (packet(b"x" * 10), UpstreamError, "without a number"),
        (packet(b"", flags=1 << 31), UpstreamError, "flags 80000000"),
        (pack(">IIIII", PACKET_MAX + 1, 4, 0, 0, 0), UpstreamError, "a packet of"),
    ],
)
def test_servers_that_refuse_or_are_none(data: bytes, kind: type[GuacrError], told: str) -> None:
    with pytest.raises(kind, match=told):
        PulseClient(FORMAT).feed(data)
    PulseClient(FORMAT).feed(pack(">IIIII", PACKET_MAX, 4, 0, 0, 0))


@given(st.lists(st.binary(max_size=60) | st.binary(max_size=30).map(packet), max_size=10))
def test_whatever_a_server_sends(parts: list[bytes]) -> None:
    client = PulseClient(FORMAT)
    with suppress(UpstreamError, UnauthorizedError):
        for part in parts:
            client.feed(part)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("desk.example", ("desk.example", 4713)),
        ("tcp:desk.example:99", ("desk.example", 99)),
        ("[::1]:99", ("[::1]", 99)),
        ("[::1]", ("[::1]", 4713)),
        ("2001:db8::1", ("2001:db8::1", 4713)),
    ],
)
def test_addresses(text: str, place: tuple[str, int]) -> None:
    assert pulse_address(text) == place


@pytest.mark.parametrize("text", ["unix:/run/pulse/native", "h:0", "h:65536", "h:x", ":1", "{a}/b"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BadRequestError, match="parameter audio-servername is not a host"):
        pulse_address(text)
