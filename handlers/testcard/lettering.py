"""Text as pixels, in the monospaced font of the system or else the one that Pillow brings."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from guacr.display.pixels import Array8
from guacr.showable import showable
from terminal.fonts import DEFAULT_FAMILY, Face, FontsError, find_family

Colour = tuple[int, int, int]
"""Red, green, blue."""

CHARACTERS_MAX = 400
"""Characters of one line that are drawn."""
UNPRINTABLE = "·"


class Lettering:
    """Draws lines of text in one size. Finding the font may take a while: not for the loop."""

    def __init__(self, pixels: int) -> None:
        self._font = _font(pixels)
        ascent, descent = self._font.getmetrics()
        self.height = ascent + descent
        """Pixels of a line."""
        self._advance = max(1.0, self._font.getlength("0"))

    def columns(self, width: int) -> int:
        """How many characters go into `width` pixels."""
        return int(width / self._advance)

    def line(self, text: str, width: int, ink: Colour, paper: Colour) -> Array8:
        """One line, (height, width, 4), cut off or filled up with `paper`."""
        shown = showable(text[:CHARACTERS_MAX], lambda _: UNPRINTABLE)
        image = Image.new("RGB", (max(1, width), self.height), paper)
        ImageDraw.Draw(image).text((0, 0), shown, ink, self._font)
        pixels = np.zeros((self.height, width, 4), np.uint8)
        pixels[..., :3] = np.asarray(image)[:, :width, ::-1]
        return pixels


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
