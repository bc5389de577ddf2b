"""Styles resolved to a pair of colours, a face and a decoration, as numbers in arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from guacr.display.pixels import Array8
from terminal.drawing.atlas import LEVELS, Variant
from terminal.drawing.contrast import readable
from terminal.drawing.decorations import Decoration
from terminal.drawing.fonts import Face
from terminal.engines.contents import (
    DEFAULT_COLOUR,
    DIRECT_COLOUR,
    Attributes,
    Colours,
    Rgb,
    Style,
    Underline,
)

MAX_PAIRS = 65_000
"""Maximum number of colour pairs. At the limit the numbers start again, with a full redraw; on a
single screen with more, the rest is drawn with the first pair."""

_BRIGHT = 8
_COVERAGE = np.arange(LEVELS, dtype=np.int32)


class PairTable:
    """Pairs of foreground and background, numbered on first use."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Rgb, Rgb], int] = {}
        self._pairs: list[tuple[Rgb, Rgb]] = []

    @property
    def full(self) -> bool:
        """True if the numbers should start again."""
        return len(self._pairs) >= MAX_PAIRS

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, number: int) -> tuple[Rgb, Rgb]:
        return self._pairs[number]

    def number(self, foreground: Rgb, background: Rgb) -> int:
        """The number of a pair."""
        pair = (foreground, background)
        number = self._numbers.get(pair)
        if number is None:
            if self.full:
                return 0
            number = self._numbers[pair] = len(self._pairs)
            self._pairs.append(pair)
        return number

    def ramps(self, numbers: NDArray[np.intp]) -> Array8:
        """(pairs, LEVELS, 3): the colours from the background to the foreground."""
        pairs = np.array([self._pairs[number] for number in numbers.tolist()], np.int32)
        foregrounds, backgrounds = pairs[:, 0, None, :], pairs[:, 1, None, :]
        coverage = _COVERAGE[None, :, None]
        last = LEVELS - 1
        mixed = backgrounds * (last - coverage) + foregrounds * coverage
        return ((mixed + last // 2) // last).astype(np.uint8)

    def backgrounds(self, numbers: NDArray[np.intp]) -> list[Rgb]:
        """The backgrounds of some pairs."""
        return [self._pairs[number][1] for number in numbers.tolist()]


class PenTable:
    """Styles resolved with a set of colours; each array is indexed by the number of the style."""

    def __init__(self, colours: Colours, pairs: PairTable) -> None:
        self._colours = colours
        self._pairs = pairs
        self._count = 0
        self.variants = np.zeros(16, np.uint16)
        """The packed `Variant` of characters."""
        self.pairs = np.zeros(16, np.uint16)
        """Their numbers in the `PairTable`."""
        self.underlines = np.zeros(16, np.uint16)
        """The packed variant of an underline with its own colour, otherwise 0."""
        self.underline_pairs = np.zeros(16, np.uint16)
        self.has_underlines = False

    def resolve(self, styles: Sequence[Style]) -> None:
        """Resolve the styles that were added to the table since the last call."""
        for style in styles[self._count :]:
            if self._count == len(self.variants):
                self._grow()
            self._resolve(self._count, style)
            self._count += 1

    def _grow(self) -> None:
        for name in ("variants", "pairs", "underlines", "underline_pairs"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros_like(array)]))

    def _resolve(self, number: int, style: Style) -> None:
        attributes = style.attributes
        foreground, background = self._pair(style)
        visible = not attributes & Attributes.INVISIBLE
        underline = style.underline
        if underline and visible and style.underline_colour != DEFAULT_COLOUR:
            variant = Variant(decoration=Decoration(underline))
            colour = self._colour(style.underline_colour, foreground)
            self.underlines[number] = variant.pack()
            self.underline_pairs[number] = self._pairs.number(colour, background)
            self.has_underlines = True
            underline = Underline.NONE
        strike, overline = Attributes.STRIKE, Attributes.OVERLINE
        decoration = Decoration(underline, bool(attributes & strike), bool(attributes & overline))
        self.variants[number] = Variant(_FACES[attributes & _STYLED], decoration).pack()
        self.pairs[number] = self._pairs.number(foreground, background)

    def _pair(self, style: Style) -> tuple[Rgb, Rgb]:
        attributes, number = style.attributes, style.foreground
        if attributes & Attributes.BOLD and 0 <= number < _BRIGHT:
            number += _BRIGHT
        foreground = self._colour(number, self._colours.foreground)
        background = self._colour(style.background, self._colours.background)
        if attributes & Attributes.FAINT:
            foreground = _mix(foreground, background)
        if attributes & Attributes.INVERSE:
            foreground, background = background, foreground
        if attributes & Attributes.INVISIBLE:
            foreground = background
        elif self._colours.minimum_contrast > 1:
            foreground = readable(foreground, background, self._colours.minimum_contrast)
        return foreground, background

    def _colour(self, number: int, default: Rgb) -> Rgb:
        if number == DEFAULT_COLOUR:
            return default
        if number & DIRECT_COLOUR:
            return number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF
        red, green, blue = self._colours.palette[3 * number : 3 * number + 3]
        return red, green, blue


def _mix(one: Rgb, other: Rgb) -> Rgb:
    red, green, blue = ((a + b) // 2 for a, b in zip(one, other, strict=True))
    return red, green, blue


_STYLED = Attributes.BOLD | Attributes.ITALIC
_FACES = {
    Attributes.NONE: Face.REGULAR,
    Attributes.BOLD: Face.BOLD,
    Attributes.ITALIC: Face.ITALIC,
    Attributes.BOLD | Attributes.ITALIC: Face.BOLD | Face.ITALIC,
}
