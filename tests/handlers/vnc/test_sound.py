"""The host's sound: QEMU itself, and servers that send too much of it or none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from struct import pack

import numpy as np
import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import address
from handlers import bell
from handlers.sound import AHEAD_MAX
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import SOUND_MAX
from handlers.vnc.sound import FORMAT
from tests.support.clock import SkippingClock
from tests.support.opus import decoded, pitch_of, require_opus
from tests.support.qemu import PITCH, beeping_machine
from tests.support.rfb_server import RfbPeer, rfb_server
from tests.support.xvnc import Desktop

BEGIN, END = b"\xff\1\0\1", b"\xff\1\0\0"
SUPPORTED = pack(">HHHHi", 0, 0, 0, 0, numbers.QEMU_SOUND)
REQUEST = b"\xff\1\0\2\3\2" + pack(">I", 44100) + b"\xff\1\0\0"
DONE = b"\3\0\0\0\0\0\0\4done"


def sound(data: bytes) -> bytes:
    return b"\xff\1\0\2" + pack(">I", len(data)) + data


async def begin(peer: RfbPeer) -> None:
    """Show a desktop, and wait until sound has been requested."""
    await peer.versions(b"003.008", b"003.008")
    await peer.choose(1)
    peer.send(bytes(4))
    await peer.begin()
    peer.rectangle(SUPPORTED)
    received = b""
    while REQUEST not in received:
        received += await peer.read(1)


async def test_the_beep_of_a_virtual_machine(daemon: Daemon, tmp_path: Path) -> None:
    async with beeping_machine(tmp_path) as parameters:
        client = await GuacClient.connect(
            address(daemon), "vnc", parameters | {"enable-audio": "true"}
        )
        await client.wait(lambda: client.canvas.counts["audio"], "sound")
        before = client.received
        await client.wait(lambda: client.received > before + 200_000, "more of it")
    await client.wait_closed()
    (played,) = client.state.streams
    assert played.args == (FORMAT.mimetype,)
    left = np.frombuffer(bytes(played.data), "<i2")[::2].astype(float)
    spectrum = np.abs(np.fft.rfft(left - left.mean()))
    assert abs(spectrum.argmax() * FORMAT.rate / len(left) - PITCH) < PITCH / 50
    await client.close()


async def test_the_beep_by_opus(daemon: Daemon, tmp_path: Path) -> None:
    require_opus()
    hello = Hello(audio=("audio/L16", "audio/vnd.guacr.opus"))
    async with beeping_machine(tmp_path) as parameters:
        values = parameters | {"enable-audio": "true"}
        client = await GuacClient.connect(address(daemon), "vnc", values, hello=hello)
        await client.wait(lambda: client.canvas.counts["audio"], "sound")
        before = client.received
        await client.wait(lambda: client.received > before + 30_000, "more of it")
    await client.wait_closed()
    (played,) = client.state.streams
    assert played.args == ("audio/vnd.guacr.opus;rate=48000,channels=2",)
    left = decoded([bytes(played.data)], 2)[:, 0].astype(float)
    assert abs(pitch_of(left - left.mean()) - PITCH) < PITCH / 50
    await client.close()


async def test_sound_is_played_as_it_comes(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await begin(peer)
        peer.send(sound(b"lost"), BEGIN, BEGIN, sound(b"abcd"), sound(b"ef"), sound(b"gh"), END)
        peer.send(END, sound(b"lost"), BEGIN, sound(b"ijkl"), DONE)
        await peer.ended()

    async with rfb_server(script) as remote:
        values = remote.parameters | {"enable-audio": "true"}
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await client.wait(lambda: client.state.clipboards, "the end of it")
    await client.wait_closed()
    assert [bytes(stream.data) for stream in client.state.streams] == [b"abcdefgh", b"ijkl"]
    await client.close()


@pytest.mark.parametrize("rings", [True, False])
async def test_the_bell(daemon: Daemon, rings: bool) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        peer.send(b"\2" * 10, DONE)
        await peer.ended()

    async with rfb_server(script) as remote:
        values = remote.parameters | {"enable-audio": str(rings).lower()}
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await client.wait(lambda: client.state.clipboards, "the end of it")
    await client.wait_closed()
    heard = [(stream.args, bytes(stream.data)) for stream in client.state.streams]
    assert heard == ([((bell.FORMAT.mimetype,), bell.tone())] if rings else [])
    await client.close()


async def test_the_bell_rings_again_later(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    later = asyncio.Event()

    async def script(peer: RfbPeer) -> None:
        await begin(peer)
        peer.send(b"\2\2", DONE)
        await later.wait()
        peer.send(b"\2\2", DONE.replace(b"done", b"next"))
        await peer.ended()

    async with rfb_server(script) as remote:
        values = remote.parameters | {"enable-audio": "true"}
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await client.wait(lambda: client.state.clipboards, "the first bell")
        SkippingClock(monkeypatch).skip(bell.INTERVAL)
        later.set()
        await client.wait(lambda: len(client.state.clipboards) > 1, "the second")
    await client.wait_closed()
    assert len(client.state.streams) == 2
    await client.close()


async def test_only_as_much_as_can_be_played_is_passed_on(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await begin(peer)
        peer.send(BEGIN, sound(bytes(SOUND_MAX)) * 200, END, DONE)
        await peer.ended()

    async with rfb_server(script) as remote:
        values = remote.parameters | {"enable-audio": "true"}
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await client.wait(lambda: client.state.clipboards, "the end of it")
        (stream,) = client.state.streams
        assert 0 < len(stream.data) <= 2 * AHEAD_MAX * FORMAT.bytes_per_second
        await client.close()


async def test_sound_that_nobody_wants(daemon: Daemon) -> None:
    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await peer.choose(1)
        peer.send(bytes(4))
        await peer.begin()
        peer.rectangle(SUPPORTED)
        peer.send(BEGIN, sound(b"abcd"), END, DONE)
        await peer.ended()

    async with rfb_server(script) as remote:
        client = await GuacClient.connect(address(daemon), "vnc", remote.parameters)
        await client.wait(lambda: client.state.clipboards, "the end of it")
        assert not client.state.streams
        await client.close()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b"\xff\1\0\2" + pack(">I", SOUND_MAX + 1), f"{SOUND_MAX + 1} bytes of sound at once"),
        (b"\xff\1\0\3", "the unknown message 1.3 of QEMU"),
        (b"\xff\2\0\0", "the unknown message 2.0 of QEMU"),
    ],
)
async def test_broken_messages(daemon: Daemon, message: bytes, told: str) -> None:
    async def script(peer: RfbPeer) -> None:
        await begin(peer)
        peer.send(message)
        await peer.ended()

    async with rfb_server(script) as remote:
        values = remote.parameters | {"enable-audio": "true"}
        client = await GuacClient.connect(address(daemon), "vnc", values)
        await client.wait_closed()
        assert told in client.state.errors[0][0]
        await client.close()


@pytest.mark.parametrize(("wanted", "lines"), [("true", 1), ("false", 0)])
async def test_a_server_without_sound(
    daemon: Daemon, desktop: Desktop, wanted: str, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    values = desktop.parameters | {"enable-audio": wanted}
    async with await GuacClient.connect(address(daemon), "vnc", values) as client:
        await client.wait(lambda: client.state.syncs, "the desktop")
        await client.wait(lambda: client.canvas.size == (1024, 768), "the client's own size")
    assert caplog.text.count("there is no sound") == lines
