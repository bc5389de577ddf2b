"""Fuzzes pictures of hosts: each is refused, or shown alike by another decoder."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import simplejpeg
from PIL import Image

from guacr.display.encoded import EncodedImage
from guacr.display.encoder import JPEG, PNG
from guacr.display.png import indexed_png, rgb_png
from guacr.errors import UpstreamError
from tests.fuzz.driver import main

WIDTH, HEIGHT = 40, 30
DIFFERENCE = 3
"""Levels by which decoders of JPEG may differ."""
_PIXELS = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
SAMPLES = [
    simplejpeg.encode_jpeg(_PIXELS, 80, "BGRX", "420"),
    simplejpeg.encode_jpeg(_PIXELS, 30, "BGRX", "444"),
    rgb_png(_PIXELS),
    indexed_png(_PIXELS[..., 0], _PIXELS.reshape(-1, 4)[:256, :3]),
]


def one_input(data: bytes) -> None:
    """A host that sends `data`."""
    for mimetype in (JPEG, PNG):
        try:
            image = EncodedImage.decode(mimetype, data, WIDTH, HEIGHT)
        except UpstreamError:
            continue
        assert image.array.shape == (HEIGHT, WIDTH, 4)
        if image.data:
            with Image.open(BytesIO(data), formats=[mimetype[6:].upper()]) as opened:
                shown = np.asarray(opened.convert("RGB")).astype(int)
            difference = np.abs(shown - image.array[..., 2::-1])
            assert difference.max() <= (DIFFERENCE if mimetype == JPEG else 0)


if __name__ == "__main__":
    main(one_input, SAMPLES)
