"""Draw characters with Pillow: coverage of one or two cells, or a coloured picture.

A glyph that does not fit its cells is moved, narrowed, or made smaller, so that nothing is
cut off. `terminal.drawing.boxdrawing` draws characters that must join their neighbours.
"""

from __future__ import annotations

import unicodedata

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from guacr.display.pixels import Array8
from terminal.drawing import boxdrawing, powerline
from terminal.drawing.decorations import CellMetrics
from terminal.drawing.fonts import Face, FontFamily, FontFile, FontsError
from terminal.drawing.strokes import Cell

MIN_PIXELS = 4
MAX_PIXELS = 256
"""The sizes that text is drawn in; other sizes are clamped."""

MAX_OPEN_FONTS = 64
"""Maximum open fonts for one family and size."""

EMOJI_COLOURS = 48
"""Colours of a coloured character, so that a screen with a few of them still fits a palette."""

_BITMAP_SIZES = (109, 128, 136, 160)
"""Common sizes of bitmap colour fonts, each of which has a single size."""

_ZERO_WIDTH = frozenset({0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F})
_EMOJI_PRESENTATION = 0xFE0F
_TEXT_PRESENTATION = 0xFE0E
_MISSING = 0xFFFD
_SLANT = 0.2
_NARROW, _NARROW_LETTER = 0.8, 0.5
"""How much a glyph is narrowed before it is made smaller. A letter that is lower than its
neighbours is harder to read than a narrow one; a symbol should keep its shape."""
_INK = 128
"""Minimum coverage of a pixel that belongs to a glyph; fainter ones at the sides may be cut."""

_SYMBOLS = {powerline.BRANCH: powerline.draw_branch, powerline.PADLOCK: powerline.draw_padlock}
_ABBREVIATIONS = {
    0x2409: "HT", 0x240A: "LF", 0x240B: "VT", 0x240C: "FF", 0x240D: "CR", 0x2424: "NL",
    0xE0A1: "LN", 0xE0A3: "CN",
}  # fmt: skip
"""DEC's symbols for control characters, and Powerline's for lines and columns; few fonts have
them."""

_SHAPED = ImageFont.Layout.RAQM if features.check("raqm") else ImageFont.Layout.BASIC

Font = ImageFont.FreeTypeFont


class GlyphPainter:
    """Draws the characters of one family in one size.

    Raises:
        FontsError: the family's own font cannot be read.
    """

    def __init__(self, family: FontFamily, pixels: int) -> None:
        self.pixels = max(MIN_PIXELS, min(pixels, MAX_PIXELS))
        self._family = family
        self._open: dict[tuple[str, int, int, bool], Font | None] = {}
        self._missing: dict[str, bytes] = {}
        regular = self._font(family.faces[Face.REGULAR][0], self.pixels)
        if regular is None:
            raise FontsError(
                f"the font {family.faces[Face.REGULAR][0].path} cannot be read; "
                "choose a different font"
            )
        ascent, descent = regular.getmetrics()
        self.metrics = CellMetrics(
            width=max(1, round(regular.getlength("0"))),
            height=max(1, ascent + descent),
            ascent=ascent,
            line=max(1, round(self.pixels / 16)),
        )

    def draw(self, text: str, face: Face, cells: int) -> Array8:
        """Draw a character.

        Args:
            text: one character with its combining marks.
            face: the face to draw it in.
            cells: the number of cells it fills.

        Returns:
            Coverage (height, width * cells) or, for a coloured character, red, green, blue and
            alpha (height, width * cells, 4).
        """
        text = _composed(text)
        code = ord(text[0])
        width = self.metrics.width * cells
        if boxdrawing.is_drawn(code):
            return boxdrawing.draw(code, width, self.metrics.height, self.metrics.line)
        emoji = _is_emoji(text, cells)
        for file in self._family.candidates(code, face, emoji):
            if self._has(file, chr(code)):
                if file.colour:
                    return self._draw_coloured(text, file, width)
                if _is_syllable(text) and all(file.may_cover(ord(char)) for char in text):
                    return self._draw_syllable(text, file, width)
                return self._draw_marks(text, file, face, width)
        return self._draw_without_font(code, width)

    def _draw_without_font(self, code: int, width: int) -> Array8:
        cell = Cell(width, self.metrics.height, self.metrics.line)
        if code in _SYMBOLS:
            return _SYMBOLS[code](cell)
        if code in _ABBREVIATIONS:
            return self._draw_abbreviation(_ABBREVIATIONS[code], width)
        return self._draw_missing(code, width)

    def _draw_abbreviation(self, letters: str, width: int) -> Array8:
        """Draw two small letters, one above and to the left of the other."""
        picture = np.zeros((self.metrics.height, width), np.uint8)
        file, size = self._family.faces[Face.REGULAR][0], max(MIN_PIXELS, self.pixels * 5 // 8)
        font = self._font(file, size)
        if font is None:
            return self._draw_missing(_MISSING, width)
        for letter, right, bottom in ((letters[0], False, False), (letters[1], True, True)):
            mask = Image.new("L", (width, self.metrics.height))
            left = width - round(font.getlength(letter)) if right else 0
            base = self.metrics.ascent if bottom else round(self.metrics.ascent * 0.55)
            ImageDraw.Draw(mask).text((left, base), letter, 255, font, anchor="ls")
            picture = np.maximum(picture, np.array(mask))
        return picture

    def _font(self, file: FontFile, pixels: int, shaped: bool = False) -> Font | None:
        key = (file.path, file.index, pixels, shaped)
        if key not in self._open:
            if len(self._open) >= MAX_OPEN_FONTS:
                self._open.clear()
            layout = _SHAPED if shaped else ImageFont.Layout.BASIC
            try:
                self._open[key] = ImageFont.truetype(file.path, pixels, file.index, "", layout)
            except OSError:
                self._open[key] = None
        return self._open[key]

    def _has(self, file: FontFile, character: str) -> bool:
        """Return whether a font has a character; if unknown, find out by drawing it."""
        if file.coverage is not None:
            return True
        font = self._font(file, self.pixels)
        if font is None:
            return False
        if file.path not in self._missing:
            self._missing[file.path] = bytes(font.getmask(chr(0x10FFFF)))
        return character.isspace() or bytes(font.getmask(character)) != self._missing[file.path]

    def _draw_marks(self, text: str, file: FontFile, face: Face, width: int) -> Array8:
        """Draw a character and, in the same place, the marks above and below it."""
        font = self._fitting(text[0], file, width)
        if font is None:
            return self._draw_missing(ord(text[0]), width)
        picture = Image.new("L", (3 * width, self.metrics.height))
        pen = ImageDraw.Draw(picture)
        advance = font.getlength(text[0])
        # On whole pixels, as the hinting of the outlines requires.
        left = width + max(0, round((width - advance - 0.5) / 2))
        pen.text((left, self.metrics.ascent), text[0], 255, font, anchor="ls")
        alone = _styled(np.array(picture), file, self.metrics)
        for mark in text[1:]:
            if ord(mark) in _ZERO_WIDTH:
                continue
            if file.may_cover(ord(mark)) and self._has(file, mark):
                moved = font.getlength(mark) == 0
                origin = left + round(advance) if moved else left
                pen.text((origin, self.metrics.ascent), mark, 255, font, anchor="ls")
            else:
                self._draw_foreign_mark(pen, mark, face, left + advance / 2)
        overhang = 1 + width // 16 if face & Face.ITALIC else 0
        whole = _styled(np.array(picture), file, self.metrics) if len(text) > 1 else alone
        return _within(whole, _inked(alone, width, overhang), width)

    def _draw_syllable(self, text: str, file: FontFile, width: int) -> Array8:
        """Draw letters side by side, or joined by the rules of their script if RAQM is
        available."""
        font = self._fitting(text, file, width, shaped=True)
        if font is None:
            return self._draw_missing(ord(text[0]), width)
        advance = font.getlength(text)
        picture = Image.new("L", (2 * width + max(width, round(advance)), self.metrics.height))
        left = width + max(0, round((width - advance - 0.5) / 2))
        pen = ImageDraw.Draw(picture)
        pen.text((left, self.metrics.ascent), text, 255, font, anchor="ls")
        whole = _styled(np.array(picture), file, self.metrics)
        return _within(whole, _inked(whole, width, 0), width)

    def _draw_foreign_mark(
        self, pen: ImageDraw.ImageDraw, mark: str, face: Face, middle: float
    ) -> None:
        """Draw a mark that the character's font lacks; nothing if no font has it."""
        for file in self._family.candidates(ord(mark), face, False):
            font = None if file.colour else self._font(file, self.pixels)
            if font is not None and self._has(file, mark):
                left, _, right, _ = font.getmask(mark, anchor="ls").getbbox() or (0, 0, 0, 0)
                start = font.getbbox(mark, anchor="ls")[0] + left
                origin = round(middle - start - (right - left) / 2)
                pen.text((origin, self.metrics.ascent), mark, 255, font, anchor="ls")
                return

    def _fitting(
        self, text: str, file: FontFile, width: int, *, shaped: bool = False
    ) -> Font | None:
        """The font in the largest size, up to the family's, in which a text fits, or nearly fits so
        that it can be narrowed."""
        font = self._font(file, self.pixels, shaped)
        if font is None:
            return None
        left, top, right, bottom = font.getbbox(text, anchor="ls")
        above, below = self.metrics.ascent, self.metrics.height - self.metrics.ascent
        across = width / max(font.getlength(text), right - min(left, 0), 1)
        along = min(above / max(-top, 1), (below + 1) / max(bottom, 1))
        letter = unicodedata.category(text[0]) in ("Lu", "Ll", "Lo", "Lt", "Nd")
        ratio = min(along, across / (_NARROW_LETTER if letter else _NARROW))
        if ratio >= 1:
            return font
        return self._font(file, max(MIN_PIXELS, int(self.pixels * ratio)), shaped)

    def _draw_coloured(self, text: str, file: FontFile, width: int) -> Array8:
        """Draw an emoji, as large as its cells allow."""
        text = text if _SHAPED is ImageFont.Layout.RAQM else text[0]
        sizes = (self.pixels, *_BITMAP_SIZES)
        fonts = (self._font(file, pixels, shaped=True) for pixels in sizes)
        font = next((font for font in fonts if font is not None), None)
        if font is None:
            return self._draw_missing(ord(text[0]), width)
        left, top, right, bottom = font.getbbox(text)
        size = (max(1, int(right - left)), max(1, int(bottom - top)))
        picture = Image.new("RGBA", size)
        ImageDraw.Draw(picture).text((-left, -top), text, font=font, embedded_color=True)
        return _centred(picture, width, self.metrics.height)

    def _draw_missing(self, code: int, width: int) -> Array8:
        """Draw an empty box for a character that no font has; nothing for an invisible one."""
        picture = np.zeros((self.metrics.height, width), np.uint8)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zs", "Mn", "Me"):
            return picture
        line, edge = self.metrics.line, max(1, width // 8)
        top, bottom = self.metrics.ascent // 4, self.metrics.ascent
        picture[top:bottom, edge : width - edge] = 255
        picture[top + line : bottom - line, edge + line : width - edge - line] = 0
        return picture


def _composed(text: str) -> str:
    """The single code point for a letter and its mark, if there is one."""
    text = text or chr(_MISSING)
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        text = chr(_MISSING)
    return unicodedata.normalize("NFC", text) if len(text) > 1 else text


def _is_syllable(text: str) -> bool:
    """Return whether a cluster has more than one letter, or a spacing vowel sign."""
    return any(unicodedata.category(char) in ("Lo", "Lm", "Mc") for char in text[1:])


def _is_emoji(text: str, cells: int) -> bool:
    """Return whether a character is drawn in colour: because a variation selector says so, or
    because it is a symbol that fills two cells by itself (Unicode TR 51)."""
    codes = [ord(character) for character in text]
    if _TEXT_PRESENTATION in codes:
        return False
    symbol = codes[0] >= 0x1F000 or codes[0] < 0x3000
    return _EMOJI_PRESENTATION in codes or (cells == 2 and symbol)


def _inked(picture: Array8, width: int, overhang: int) -> tuple[int, int]:
    """The first drawn column and the one after the last; up to `overhang` columns are cut if there
    are more than the width."""
    inked = np.flatnonzero(picture.max(axis=0) >= _INK)
    first, end = (int(inked[0]), int(inked[-1]) + 1) if len(inked) else (width, width)
    while overhang and end - first > width:
        overhang -= 1
        if picture[:, first].sum() < picture[:, end - 1].sum():
            first += 1
        else:
            end -= 1
    return first, end


def _within(picture: Array8, inked: tuple[int, int], width: int) -> Array8:
    """The middle third of a picture, `width` wide, with all inked columns: moved as little as
    necessary, or narrowed."""
    first, end = inked
    if end - first > width:
        size = (width, picture.shape[0])
        box = (first, 0, end, picture.shape[0])
        return np.array(Image.fromarray(picture).resize(size, Image.Resampling.HAMMING, box))
    start = min(max(width, end - width), first)
    return picture[:, start : start + width].copy()


def _styled(picture: Array8, file: FontFile, metrics: CellMetrics) -> Array8:
    """Synthesize bold or italics if the file has no such face."""
    if file.slant:
        height, width = picture.shape
        turn = (1, _SLANT, -_SLANT * metrics.ascent * 0.6, 0, 1, 0)
        slanted = Image.fromarray(picture).transform(
            (width, height),
            Image.Transform.AFFINE,
            turn,
            Image.Resampling.BILINEAR,
        )
        picture = np.array(slanted)
    if file.embolden:
        bold = picture.copy()
        np.maximum(
            bold[:, metrics.line :], picture[:, : -metrics.line], out=bold[:, metrics.line :]
        )
        picture = bold
    return picture


def _centred(picture: Image.Image, width: int, height: int) -> Array8:
    """Scale a picture to fit, and centre it in the cells."""
    ratio = min(width / picture.width, height / picture.height)
    size = (max(1, int(picture.width * ratio)), max(1, int(picture.height * ratio)))
    # Premultiplied while scaling, because transparent pixels have no colour of their own.
    scaled = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS).convert("RGBA")
    canvas = Image.new("RGBA", (width, height))
    canvas.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    few = canvas.quantize(EMOJI_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return np.array(few.convert("RGBA"))
