"""Recordings of real VNC servers, and the command that makes them anew with Xvnc and x11vnc.

A recording is what a server sends, from its version to some updates. All of the same depth show the
same picture, apart from those with JPEG.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from guacr.api import Array8
from handlers.vnc.rfb import messages, numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.events import Fence, UpdateEnded
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from handlers.vnc.rfb.pixel_format import pixel_format_of
from tests.support.xvnc import Desktop, x11vnc, xvnc

DIRECTORY = Path(__file__).parent / "captures"
DEPTHS = (8, 16, 24)
SIZE = (72, 68)
"""Of the desktop: more than a tile of ZRLE in both directions."""
REST = 0.5
"""Seconds without an update after which a recording ends."""
PSEUDO = (
    numbers.DESKTOP_SIZE, numbers.EXTENDED_DESKTOP_SIZE, numbers.DESKTOP_NAME, numbers.LAST_RECT,
    numbers.FENCE, numbers.EXTENDED_CLIPBOARD, numbers.QEMU_KEYS, numbers.QEMU_LED_STATE,
    numbers.ALPHA_CURSOR, numbers.CURSOR, numbers.X_CURSOR, numbers.POINTER_POSITION,
)  # fmt: skip
ENCODINGS = {
    "xvnc": ("raw", "rre", "hextile", "tight", "zrle", "jpeg"),
    "x11vnc": ("corre", "rre", "hextile", "zlib", "tight", "zrle", "jpeg"),
}


@dataclass(frozen=True, slots=True)
class Capture:
    """One recording."""

    name: str
    depth: int
    data: bytes


def captures() -> list[Capture]:
    """Return all recordings, in the order of their names."""
    return [
        Capture(path.stem, int(path.stem.rsplit("-", 1)[1]), path.read_bytes())
        for path in sorted(DIRECTORY.glob("*.rfb"))
    ]


def picture_file(pixels: Array8) -> bytes:
    """Return a file for `xwud`: red, green, blue on a display of 24 bits."""
    height, width, _ = pixels.shape
    words = np.zeros((height, width, 4), np.uint8)
    words[..., :3] = pixels[..., ::-1]
    fields = (
        101, 7, 2, 24, width, height, 0, 0, 32, 0, 32, 32, 4 * width, 4,
        0xFF0000, 0xFF00, 0xFF, 8, 256, 0, width, height, 0, 0, 0,
    )  # fmt: skip
    return struct.pack(">25I", *fields) + b"\0" + words.tobytes()


def photo(side: int = 36) -> Array8:
    """Return a picture of even colours, with many colours at the right."""
    y, x = np.mgrid[:side, :side]
    noise = np.random.default_rng(1).integers(0, 24, (side, side)) * (x > side // 2)
    channels = [x // 6 * 30 + noise, y // 6 * 30 + noise, 200 - y // 9 * 20 + noise]
    return np.stack(channels, -1).astype(np.uint8)


async def _record(port: int, encoding: str, depth: int, change: Callable[[], None]) -> bytes:
    """Record a connection; `change` is called after the first update."""
    jpeg = encoding == "jpeg"
    quality = [numbers.QUALITY_0 + 5] if jpeg else []
    first = numbers.TIGHT if jpeg else numbers.ENCODINGS[encoding]
    wanted = [first, numbers.COPY_RECT, *PSEUDO, *quality, numbers.COMPRESSION_0 + 6]
    client = RfbClient(ClientOptions(pixel_format_of(depth), wanted, 1 << 16), Credentials())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    recorded, updates, size = bytearray(), 0, (0, 0)
    with suppress(TimeoutError):
        async for data in _received(reader):
            recorded += data
            events = client.feed(data)
            while client.waits_for is not Wait.INPUT:
                events += client.go_on(inline=client.waits_for is not Wait.THREAD)
            writer.write(client.take_output())
            ended = sum(isinstance(event, UpdateEnded) for event in events)
            for event in events:
                if isinstance(event, Fence):  # Xvnc sends no more until it is answered
                    writer.write(messages.fence(event.flags & 7, event.payload))
            if not updates and client.size != size:
                writer.write(messages.request_update(*client.size, incremental=False))
                writer.write(messages.pointer(SIZE[0] - 1, SIZE[1] - 1, 0, extended=False))
            if ended:
                updates += ended
                writer.write(messages.request_update(*client.size, incremental=True))
            if updates and ended == updates:
                await asyncio.to_thread(change)
            size = client.size
    writer.close()
    return bytes(recorded)


async def _received(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(REST):
            data = await reader.read(1 << 16)
        if not data:
            return
        yield data


def _change(desktop: Desktop, terminal: Path, text: str, root: str) -> None:
    desktop.run("xsetroot", "-solid", root)
    terminal.write_text(text)


async def make(directory: Path) -> None:
    """Make all recordings anew."""
    terminal, picture = directory / "terminal", directory / "photo.xwd"
    os.mkfifo(terminal)
    picture.write_bytes(picture_file(photo()))
    async with xvnc(size=SIZE) as desktop, x11vnc(desktop) as parameters:
        desktop.start("xwud", "-in", str(picture), "-geometry", "+2+3")
        # It is open for writing as well, so as not to end after each text.
        shown = ["sh", "-c", f"exec cat <>{terminal}"]
        desktop.start("xterm", "-fs", "6", "-fa", "DejaVu Sans Mono", "-geometry", "6x3+36+32",
                      "-b", "0", "-e", *shown)  # fmt: skip
        ports = {"xvnc": desktop.port, "x11vnc": int(parameters["port"])}
        for server, encodings in ENCODINGS.items():
            for encoding, depth in product(encodings, DEPTHS):
                _change(desktop, terminal, "\033[2J\033[Hab\ncd\nef", "#2e5c8a")
                await asyncio.sleep(REST)
                change = partial(_change, desktop, terminal, "\ngh\nij", "#8a2e5c")
                data = await _record(ports[server], encoding, depth, change)
                (DIRECTORY / f"{server}-{encoding}-{depth}.rfb").write_bytes(data)


def main() -> None:
    """Replace the recordings."""
    DIRECTORY.mkdir(exist_ok=True)
    for old in DIRECTORY.glob("*.rfb"):
        old.unlink()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(make(Path(directory)))


if __name__ == "__main__":
    main()
