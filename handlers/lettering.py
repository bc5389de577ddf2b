"""Text as pixels, in the monospaced font of the system, or else in Pillow's."""

from __future__ import annotations

from math import ceil

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from guacr.api import Array8, showable
from terminal.drawing.fonts import DEFAULT_FAMILY, Face, FontsError, find_family

Colour = tuple[int, int, int]
"""Red, green, blue."""

CHARACTERS_MAX = 400
"""Maximum characters of a line that are drawn."""
UNPRINTABLE = "·"


class Lettering:
    """Draws lines of text in one size. Finding the font may be slow: not on the event loop."""

    def __init__(self, pixels: int) -> None:
        self._font = _font(pixels)
        ascent, descent = self._font.getmetrics()
        self.height = ascent + descent
        """The height of a line in pixels."""
        self._advance = max(1.0, self._font.getlength("0"))

    def columns(self, width: int) -> int:
        """Return how many characters fit into `width` pixels."""
        return int(width / self._advance)

    def width(self, text: str) -> int:
        """Return the width of a line in pixels."""
        return ceil(self._font.getlength(_shown(text)))

    def line(self, text: str, width: int, ink: Colour, paper: Colour) -> Array8:
        """Return one line, (height, width, 4), cut off or filled with `paper`."""
        image = Image.new("RGB", (max(1, width), self.height), paper)
        ImageDraw.Draw(image).text((0, 0), _shown(text), ink, self._font)
        pixels = np.zeros((self.height, width, 4), np.uint8)
        pixels[..., :3] = np.asarray(image)[:, :width, ::-1]
        return pixels


def _shown(text: str) -> str:
    return showable(text[:CHARACTERS_MAX], lambda _: UNPRINTABLE)


def _font(pixels: int) -> ImageFont.FreeTypeFont:
    layout = ImageFont.Layout.BASIC
    try:
        file = find_family(DEFAULT_FAMILY).faces[Face.REGULAR][0]
        return ImageFont.truetype(file.path, pixels, file.index, layout_engine=layout)
    except (FontsError, OSError):
        font = ImageFont.load_default(pixels)
    if isinstance(font, ImageFont.FreeTypeFont):
        return font
    raise FontsError("there is no font to draw with: install Pillow with FreeType")
