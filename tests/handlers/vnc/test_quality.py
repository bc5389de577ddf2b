"""The quality of the picture, changed during a session."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import numpy as np

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.vnc.options import encodings_of
from handlers.vnc.params import VncParams
from handlers.vnc.rfb import messages, numbers
from tests.handlers.vnc.test_session import connected, shows
from tests.support.rfb_server import SIZE, RfbPeer, rfb_server
from tests.support.waiting import until
from tests.support.xvnc import Desktop

SIDE = 256


def show_photo(desktop: Desktop, directory: Path) -> None:
    """A picture that is worth a JPEG, in the corner."""
    across = np.linspace(0, 200, SIDE)
    noise = np.random.default_rng(1).integers(0, 50, (SIDE, SIDE, 4))
    pixels = (across[:, None, None] / 2 + across[None, :, None] / 2 + noise).astype(np.uint8)
    header = (
        101, 7, 2, 24, SIDE, SIDE, 0, 0, 32, 0, 32, 32, 4 * SIDE, 4,
        0xFF0000, 0xFF00, 0xFF, 8, 0, 0, SIDE, SIDE, 0, 0, 0,
    )  # fmt: skip
    file = directory / "photo.xwd"
    file.write_bytes(struct.pack(">25Ix", *header) + pixels.tobytes())
    desktop.start("xwud", "-in", str(file), "-geometry", "+0+0")


async def test_a_lossless_picture_is_exact(
    daemon: Daemon, desktop: Desktop, tmp_path: Path
) -> None:
    show_photo(desktop, tmp_path)
    parameters = desktop.parameters | {"disable-display-resize": "true"}
    async with connected(daemon, parameters) as client:

        def photo() -> bool:
            picture = client.canvas.flatten()
            return len(picture) > SIDE and len(np.unique(picture[:SIDE, :SIDE, 1])) > 100

        await until(photo, "the photo")
        assert not (desktop.picture() == client.canvas.flatten()).all()
        client.argv("picture-quality", "lossless")
        await shows(client, desktop)


async def test_it_can_be_changed_unless_it_is_forced(daemon: Daemon, desktop: Desktop) -> None:
    async with connected(daemon, desktop.parameters | {"picture-quality": "low"}) as client:
        assert client.state.argv["picture-quality"] == "low"
        assert await refusal(client, "high") == (
            "parameter picture-quality must be one of lossless, low, not 'high'"
        )
        client.argv("picture-quality", "")
        await client.wait(lambda: client.state.argv["picture-quality"] == "", "the new value")
    async with connected(daemon, desktop.parameters | {"force-lossless": "true"}) as client:
        assert "picture-quality" not in client.state.argv
        assert "force-lossless is set" in await refusal(client, "low")


async def test_it_can_be_changed_before_the_desktop_is_shown(daemon: Daemon) -> None:
    changed, requested = asyncio.Event(), asyncio.Event()

    async def script(peer: RfbPeer) -> None:
        await peer.versions(b"003.008", b"003.008")
        await changed.wait()
        assert await peer.choose(numbers.NONE) == numbers.NONE
        peer.send(bytes(4))
        await peer.read(1)
        for quality in ("", "lossless"):
            encodings = encodings_of(VncParams(hostname="h", picture_quality=quality))
            wanted = messages.set_encodings(encodings)
            assert await peer.read(len(wanted)) == wanted
            if not quality:
                peer.send(struct.pack(">HH16xI", *SIZE, 0))
                await peer.read(20)  # the pixel format
        requested.set()
        await peer.ended()

    async with (
        rfb_server(script) as server,
        await GuacClient.connect(address(daemon), "vnc", server.parameters) as client,
    ):
        client.argv("picture-quality", "lossless")
        await client.wait(lambda: client.state.argv.get("picture-quality") == "lossless", "it")
        changed.set()
        await client.wait(requested.is_set, "the request")


async def refusal(client: GuacClient, value: str) -> str:
    """The sentence with which a quality is refused."""
    stream = client.argv("picture-quality", value)

    def sentences() -> list[str]:
        acks = client.state.acks
        return [text for index, text, status in acks if index == stream and status]

    await client.wait(sentences, "the answer")
    return sentences()[0]


def test_a_lossless_picture_needs_a_server_without_jpeg() -> None:
    def asks_for_jpeg(**values: str) -> bool:
        params = VncParams.parse({name.replace("_", "-"): text for name, text in values.items()})
        return any(
            numbers.QUALITY_0 <= one < numbers.QUALITY_0 + 10 for one in encodings_of(params)
        )

    assert asks_for_jpeg(picture_quality="low")
    assert not asks_for_jpeg(picture_quality="lossless")
    assert not asks_for_jpeg(picture_quality="low", force_lossless="true")
