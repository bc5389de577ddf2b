"""The format and quality in which pixels are sent, and the cost of encoding them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"

QUALITY_BEST, QUALITY_WORST = 90, 30
QUALITY_MOVING = 75
"""The best quality for moving pictures: more would not be visible, and a still picture follows."""
QUALITY_DETAILED = 50
"""The same for those with so much detail that losses are hidden in it (`guacr.display.detail`)."""
QUALITY_LAG = 0.02
"""Seconds of lag up to which quality stays at its best; beyond, it drops by one per millisecond."""
WEBP_FASTEST = 0
LAG_FOR_FILES = 0.1
"""Seconds of lag up to which a file from the host is sent unchanged."""

NANOSECONDS_A_PIXEL = {  # measured by `python -m benchmarks encode`
    "indexed": 3.0,
    "jpeg": 4.0,
    "png": 25.0,
    "webp": 60.0,
}


class Quality(StrEnum):
    """A person's choice between detail and speed."""

    AUTOMATIC = ""
    """Less detail while viewers lag."""
    LOSSLESS = "lossless"
    """Every detail, however slow the link."""
    LOW = "low"
    """Little detail while the picture changes, as if viewers lagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """The images that the settings and the viewers allow, and the lag of the viewers.

    `format` is `auto`, `jpeg`, `png` or `webp`; `quality` is from 1 to 100, or 0 if it depends on
    the lag; `accepted` are the mimetypes that every viewer accepts, empty if none has said.
    """

    format: str = "auto"
    quality: int = 0
    accepted: frozenset[str] = frozenset()
    lag: float = 0.0
    hurried: bool = False
    """True if encoding takes so long that there are fewer frames: nothing is done to save bytes."""

    def accepts(self, mimetype: str) -> bool:
        """Return whether a format may be sent; PNG always may, since every client shows it."""
        return mimetype == PNG or not self.accepted or mimetype in self.accepted

    def lossy_quality(self, *, moving: bool = False, detailed: bool = False) -> int:
        """Return the quality of lossy images, from 1 to 100; `detailed` refers to moving ones."""
        if self.quality:
            return self.quality
        over = max(0.0, self.lag - QUALITY_LAG) * 1000
        best = QUALITY_BEST
        if moving:
            best = QUALITY_DETAILED if detailed else QUALITY_MOVING
        return round(max(QUALITY_WORST, min(best, QUALITY_BEST - over)))

    def passes(self, mimetype: str) -> bool:
        """Return whether a file from the host may be sent unchanged. Its quality may be too high if
        viewers lag, or differ from the one in the settings."""
        chosen = self.format == "auto" or mimetype == f"image/{self.format}"
        fixed = self.quality and mimetype != PNG
        return chosen and not fixed and self.accepts(mimetype) and self.lag <= LAG_FOR_FILES

    def mimetype(self, lossy: bool) -> str:
        """Return the format for pixels. `lossy` is the planner's advice, which `auto` follows;
        `jpeg` is lossy for everything."""
        if self.format == "jpeg" and self.accepts(JPEG):
            return JPEG
        if self.format == "webp" and self.accepts(WEBP):
            return WEBP
        if self.format == "auto" and lossy and self.accepts(JPEG):
            return JPEG
        return PNG


def cost(area: int, kind: str) -> float:
    """Return about how many seconds it takes to encode `area` pixels as `kind`."""
    return area * NANOSECONDS_A_PIXEL[kind] * 1e-9


def encode_webp(bgrx: NDArray[np.uint8], quality: int, *, lossy: bool) -> bytes:
    """Encode (height, width, 4) as a file; `quality` only applies with losses."""
    height, width = bgrx.shape[:2]
    array = np.ascontiguousarray(bgrx)
    image = Image.frombuffer("RGB", (width, height), array, "raw", "BGRX", 0, 1)
    out = BytesIO()
    if lossy:
        image.save(out, "WEBP", quality=quality, method=WEBP_FASTEST)
    else:
        image.save(out, "WEBP", lossless=True, quality=0, method=WEBP_FASTEST)
    return out.getvalue()
