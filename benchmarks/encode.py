"""Images: milliseconds and bytes of each format, for a terminal's picture and a desktop's."""

from __future__ import annotations

import numpy as np

from benchmarks.table import print_table, seconds
from guacr.display.encoder import Encoding
from guacr.display.geometry import Rect
from guacr.display.pixels import BgrxPixels, IndexedPixels, Pixels
from guacr.display.tiles import Tiling

RANDOM = np.random.default_rng(1)


def text(width: int, height: int) -> IndexedPixels:
    """Something like lines of words in eight colours: glyphs are 10 by 19 pixels."""
    glyphs = RANDOM.integers(0, 16, (60, 19, 10), dtype=np.uint8)
    glyphs[RANDOM.random(glyphs.shape) < 0.7] = 0
    rows, columns = height // 19, width // 10
    chosen = RANDOM.integers(0, 60, (rows, columns))
    pens = RANDOM.integers(0, 8, (rows, columns // 5 + 1)).repeat(5, 1)[:, :columns]
    cells = glyphs[chosen] + (pens[..., None, None] * 16).astype(np.uint8)
    indices = np.ascontiguousarray(cells.transpose(0, 2, 1, 3)).reshape(rows * 19, columns * 10)
    return IndexedPixels(indices, RANDOM.integers(0, 256, (128, 3), dtype=np.uint8))


def photo(width: int, height: int) -> BgrxPixels:
    """A smooth picture with some grain."""
    ground = np.add.outer(np.arange(height) * 0.2, np.arange(width) * 0.15)
    grain = RANDOM.normal(0, 3, (height, width, 4))
    return BgrxPixels((ground[..., None] + grain).astype(np.uint8))


def main() -> None:
    """Print the tables."""
    pictures: list[tuple[str, Pixels]] = [
        ("key echo 20x19", text(20, 19)),
        ("terminal 990x741", text(990, 741)),
        ("photo 64x64", photo(64, 64)),
        ("photo 1280x720", photo(1280, 720)),
    ]
    rows = []
    for name, pixels in pictures:
        for image_format in ("png", "jpeg", "webp"):
            encoding = Encoding(format=image_format, quality=75)
            lossy = isinstance(pixels, BgrxPixels)
            _, data = pixels.encode(lossy, encoding)
            taken = seconds(lambda p=pixels, ly=lossy, e=encoding: p.encode(ly, e))  # type: ignore[misc]
            area = pixels.width * pixels.height
            rows.append(
                [f"{name} {image_format}", taken * 1e3, taken / area * 1e9, len(data) / 1e3]
            )
    print_table("Images", ["", "ms", "ns/pixel", "KB"], rows)
    words = photo(1280, 720).words()
    tiling = Tiling(Rect(0, 0, 1280, 720))
    every = tiling.changed(words, None)
    taken = seconds(lambda: list(tiling.classify(words, every, every)))
    print_table("Tiles", ["", "ms"], [["classify 1280x720", taken * 1e3]])


if __name__ == "__main__":
    main()
