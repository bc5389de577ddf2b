"""Commands of the Kitty graphics protocol, as programs send them."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Rgba = NDArray[np.uint8]
"""(height, width, 4)."""


def command(keys: str, data: bytes = b"") -> bytes:
    """One command with all of the data."""
    return b"\x1b_G" + keys.encode() + (b";" + b64encode(data) if data else b"") + b"\x1b\\"


def chunks(keys: str, data: bytes, size: int = 4096) -> bytes:
    """The same in chunks of so many characters."""
    payload = b64encode(data)
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    first = command(f"{keys},m={int(len(parts) > 1)}")[:-2] + b";" + parts[0] + b"\x1b\\"
    rest = [
        b"\x1b_Gm=%d;%b\x1b\\" % (number < len(parts) - 1, part)
        for number, part in enumerate(parts[1:], 1)
    ]
    return first + b"".join(rest)


def noise(width: int, height: int, seed: int = 0, alpha: int | None = 255) -> Rgba:
    """An image without order; with any alpha where that is None."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    if alpha is not None:
        pixels[..., 3] = alpha
    return pixels


def png(pixels: Rgba, mode: str = "RGBA") -> bytes:
    """The same as a PNG of some mode."""
    file = BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()
