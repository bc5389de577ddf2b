"""Images in terminals: taking one, and drawing a window with it."""

from __future__ import annotations

import functools
import zlib
from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

from benchmarks.table import print_table, seconds
from benchmarks.terminal import new_terminal
from guacr.display.geometry import Rect
from guacr.display.pixels import Array8

SIZE = (900, 700)
CHUNK = 4096
PLACES = {
    "above the text": "",
    "scaled to 90x36 cells": "c=90,r=36",
    "below the text": "z=-1",
}


def _slopes(alpha: int) -> Array8:
    """(height, width, 4): an image that is easy to pack."""
    width, height = SIZE
    pixels = np.full((height, width, 4), alpha, np.uint8)
    pixels[..., 0] = np.arange(width) % 256
    pixels[..., 1] = (np.arange(height) % 256)[:, None]
    return pixels


def _sent(keys: str, data: bytes) -> bytes:
    """An image as programs send it."""
    payload = b64encode(data)
    parts = [payload[at : at + CHUNK] for at in range(0, len(payload), CHUNK)]
    first = f"\x1b_Ga=T,q=2,i=1,C=1,{keys},m=1;".encode() + parts[0]
    rest = b"".join(b"\x1b\\\x1b_Gm=1;" + part for part in parts[1:])
    return first + rest + b"\x1b\\\x1b_Gm=0\x1b\\"


def _png(pixels: Array8) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _taken() -> list[list[object]]:
    """Unpacking is part of it, which a session has a thread do."""
    emulator, _ = new_terminal(99, 39)
    size = f"s={SIZE[0]},v={SIZE[1]}"
    slopes, noise = _slopes(255), np.random.default_rng(1).integers(0, 256, (700, 900, 4), np.uint8)
    sent = {
        "RGBA": _sent(f"f=32,{size}", noise.tobytes()),
        "RGBA, deflated": _sent(f"f=32,o=z,{size}", zlib.compress(slopes.tobytes())),
        "PNG of slopes": _sent("f=100", _png(slopes)),
        "PNG of noise": _sent("f=100", _png(noise)),
    }
    table: list[list[object]] = [
        [name, len(data), seconds(functools.partial(emulator.feed, data)) * 1e3]
        for name, data in sent.items()
    ]
    emulator.close()
    return table


def _drawn() -> list[list[object]]:
    table: list[list[object]] = []
    for name, keys in PLACES.items():
        row: list[object] = [name]
        for alpha in (255, 128):
            emulator, surface = new_terminal(99, 39)
            size = f"f=32,s={SIZE[0]},v={SIZE[1]}"
            emulator.feed(_sent(f"{size},{keys}".strip(","), _slopes(alpha).tobytes()))
            surface.take_damage()
            window = Rect(0, 0, *surface.size)
            row.append(seconds(functools.partial(surface.pixels, window)) * 1e3)
            emulator.close()
        table.append(row)
    return table


def main() -> None:
    """Print the tables."""
    print_table("Images: taking one of 900x700 pixels", ["", "bytes sent", "ms"], _taken())
    print_table("Images: drawing 99x39 cells with it, ms", ["", "opaque", "not"], _drawn())


if __name__ == "__main__":
    main()
