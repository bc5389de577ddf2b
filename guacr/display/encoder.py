"""Pixels to image files: which format, at what quality, at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import simplejpeg
from PIL import Image

from guacr.display.pixels import BgrxPixels, IndexedPixels, Pixels
from guacr.display.png import indexed_png, rgb_png

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"

QUALITY_BEST, QUALITY_WORST = 90, 30
QUALITY_LAG = 0.02
"""Seconds of lag up to which quality stays at its best; then it falls by one a millisecond."""
WEBP_FASTEST = 0
REMEMBERED_AREA = 4096
"""Pixels up to which the file is kept with the pixels: a few cells of a terminal, which are
drawn again and again."""

_NANOSECONDS_A_PIXEL = {  # measured by `python -m benchmarks encode`
    "indexed": 3.0,
    "jpeg": 4.0,
    "png": 25.0,
    "webp": 60.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What the settings and the viewers allow, and how far the viewers are behind.

    `format` is `auto`, `jpeg`, `png` or `webp`; `quality` from 1 to 100, or 0 for one by lag;
    `accepted` are the mimetypes that every viewer takes, empty if none of them said.
    """

    format: str = "auto"
    quality: int = 0
    accepted: frozenset[str] = frozenset()
    lag: float = 0.0

    def accepts(self, mimetype: str) -> bool:
        """Whether a format may be sent; PNG always may, as every client shows it."""
        return mimetype == PNG or not self.accepted or mimetype in self.accepted

    def lossy_quality(self) -> int:
        """The quality of lossy images, from 1 to 100."""
        if self.quality:
            return self.quality
        over = max(0.0, self.lag - QUALITY_LAG) * 1000
        return round(max(QUALITY_WORST, QUALITY_BEST - over))

    def mimetype(self, pixels: Pixels, lossy: bool) -> str:
        """The format for these pixels. `lossy` is the planner's advice, followed by `auto`;
        `jpeg` is lossy for everything."""
        if self.format == "jpeg" and self.accepts(JPEG):
            return JPEG
        if self.format == "webp" and self.accepts(WEBP):
            return WEBP
        if self.format == "auto" and lossy and self.accepts(JPEG):
            return JPEG
        return PNG


def cost(pixels: Pixels, lossy: bool, encoding: Encoding) -> float:
    """About how many seconds `encode_image` will take."""
    mimetype = encoding.mimetype(pixels, lossy)
    if mimetype == PNG:
        kind = "indexed" if isinstance(pixels, IndexedPixels) else "png"
    else:
        kind = mimetype.removeprefix("image/")
    return pixels.width * pixels.height * _NANOSECONDS_A_PIXEL[kind] * 1e-9


def encode_image(pixels: Pixels, lossy: bool, encoding: Encoding) -> tuple[str, bytes]:
    """The mimetype and the file; may be called from any thread."""
    mimetype = encoding.mimetype(pixels, lossy)
    if mimetype == JPEG:
        return mimetype, _jpeg(pixels, encoding.lossy_quality())
    if mimetype == WEBP:
        return mimetype, _webp(_true_colour(pixels), lossy, encoding.lossy_quality())
    if isinstance(pixels, IndexedPixels):
        return mimetype, _indexed(pixels)
    return mimetype, rgb_png(pixels.array)


def _indexed(pixels: IndexedPixels) -> bytes:
    if pixels.width * pixels.height > REMEMBERED_AREA:
        return indexed_png(pixels.indices, pixels.palette)
    if "png" not in pixels.memo:
        pixels.memo["png"] = indexed_png(pixels.indices, pixels.palette)
    data: bytes = pixels.memo["png"]
    return data


def _true_colour(pixels: Pixels) -> BgrxPixels:
    return pixels.bgrx() if isinstance(pixels, IndexedPixels) else pixels


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    # halved colour resolution smears the edges of text
    subsampling = "444" if isinstance(pixels, IndexedPixels) else "420"
    array = _true_colour(pixels).array
    if array.strides[1:] != (4, 1):
        array = np.ascontiguousarray(array)
    data: bytes = simplejpeg.encode_jpeg(array, quality, "BGRX", subsampling, fastdct=True)
    return data


def _webp(pixels: BgrxPixels, lossy: bool, quality: int) -> bytes:
    height, width = pixels.array.shape[:2]
    image = Image.frombuffer(
        "RGB", (width, height), np.ascontiguousarray(pixels.array), "raw", "BGRX", 0, 1
    )
    out = BytesIO()
    if lossy:
        image.save(out, "WEBP", quality=quality, method=WEBP_FASTEST)
    else:
        image.save(out, "WEBP", lossless=True, quality=0, method=WEBP_FASTEST)
    return out.getvalue()
