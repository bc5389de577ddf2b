"""Pictures that arrive as JPEG: sent as they came, and encoded again."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import simplejpeg

from benchmarks.encode import photo
from benchmarks.table import print_table
from guacr.display.display import Display
from guacr.display.encoded import EncodedImage
from guacr.display.encoder import JPEG, Encoding
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect

WIDTH, HEIGHT = 1920, 1080
TILES = {"one file": (1920, 1080), "36 files": (320, 180)}
FRAMES = 20
ENCODING = Encoding(accepted=frozenset({JPEG}))

Draw = Callable[[FrameBuffer, int, int, EncodedImage], None]
File = tuple[int, int, bytes]


def _files(width: int, height: int) -> list[list[File]]:
    """Two pictures in files of this size."""
    pictures = [photo(WIDTH, HEIGHT).array for _ in range(2)]
    places = [(x, y) for y in range(0, HEIGHT, height) for x in range(0, WIDTH, width)]
    return [
        [(x, y, _jpeg(picture[y : y + height, x : x + width])) for x, y in places]
        for picture in pictures
    ]


def _jpeg(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), 85, "BGRX", "420")
    return data


def _as_they_came(surface: FrameBuffer, x: int, y: int, image: EncodedImage) -> None:
    surface.draw_encoded(x, y, image)


def _again(surface: FrameBuffer, x: int, y: int, image: EncodedImage) -> None:
    surface.blit(Rect(x, y, *image.size), image.array)


def _measure(size: tuple[int, int], draw: Draw) -> list[float]:
    """Milliseconds of processor time a frame, decoding included, and its bytes."""
    display, surface = Display(), FrameBuffer(WIDTH, HEIGHT)
    display.set_surface(surface)
    display.plan(0.0)
    pictures, sent = _files(*size), 0
    start = time.process_time()
    for number in range(FRAMES):
        for x, y, data in pictures[number % 2]:
            draw(surface, x, y, EncodedImage.decode(JPEG, data, *size))
        plan = display.plan(number / 25)
        assert plan is not None
        sent += len(plan.encode(ENCODING))
    took = time.process_time() - start
    return [1000 * took / FRAMES, sent / FRAMES / 1000]


def main() -> None:
    """Measure and print."""
    rows: list[list[object]] = [
        [f"{name}, {how}", *_measure(size, draw)]
        for name, size in TILES.items()
        for how, draw in (("as they came", _as_they_came), ("encoded again", _again))
    ]
    print_table("JPEG of 1920x1080 from a host", ["", "CPU ms a frame", "KB a frame"], rows)


if __name__ == "__main__":
    main()
