"""The colours of a true-colour picture, if there are few: text, icons, diagrams.

With a palette, such a picture takes a fraction of the bytes and of the time of a true-colour one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COLOURS_MAX = 256
"""Colours of a PNG file with a palette."""
SAMPLED_ROWS, SAMPLED_COLUMNS = 8, 7
"""One of so many rows and columns is examined first, so that photos cost little."""
MULTIPLIERS = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1, 0xB5297A4D)
"""Odd numbers that spread colours; the first one is used that gives each its own hash."""
HASH_BITS, SHORT_HASH_BITS = 16, 12
"""Bits of a hash; the short ones suffice for `SHORT_MAX` colours, and make a table quickly."""
SHORT_MAX = 32
COMPARED_MAX = 8
"""Colours up to which comparing all pixels with each colour is quicker than hashing."""


def split_colours(words: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Split a picture into indices and a palette.

    Args:
        words: (height, width) of blue, green, red and a byte that is 0.

    Returns:
        The indices, (height, width), and at most `COLOURS_MAX` colours, (colours, 3) of red, green
        and blue; None if there are more.
    """
    colours = np.unique(words[::SAMPLED_ROWS, ::SAMPLED_COLUMNS])
    if len(colours) > COLOURS_MAX:
        return None
    flat = words.reshape(-1)
    for multiplier in MULTIPLIERS:
        if len(colours) > COLOURS_MAX:
            return None
        if len(colours) <= COMPARED_MAX:
            indices, missed = _compared(flat, colours)
        else:
            indices, missed = _hashed(flat, colours, multiplier)
        if not missed.size:
            return indices.reshape(words.shape), colours.view(np.uint8).reshape(-1, 4)[:, 2::-1]
        colours = np.unique(np.concatenate((colours, missed)))
    return None


def _compared(
    words: NDArray[np.uint32], colours: NDArray[np.uint32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Return the indices of pixels, and the pixels of other colours."""
    indices: NDArray[np.uint8] = np.equal(words, colours[0]).view(np.uint8)
    same = np.empty(words.shape, np.bool_)
    number = same.view(np.uint8)
    for index, colour in enumerate(colours[1:], 2):
        np.equal(words, colour, out=same)
        np.multiply(number, np.uint8(index), out=number)
        np.bitwise_or(indices, number, out=indices)
    missed = words[:0] if indices.all() else words[indices == 0]
    indices -= np.uint8(1)
    return indices, missed


def _hashed(
    words: NDArray[np.uint32], colours: NDArray[np.uint32], multiplier: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Return the indices of pixels, and the pixels of other colours, or of colours that have the
    hash of another."""
    hashing = _Hashing(multiplier, SHORT_HASH_BITS if len(colours) <= SHORT_MAX else HASH_BITS)
    found = hashing.table(colours).take(hashing.places(words), mode="wrap")
    indices = found.view(np.uint8)[3::4].copy()
    found.view(np.uint8)[3::4] = 0
    return indices, words[found != words]


class _Hashing:
    """Hashes of colours: the upper bits of each product."""

    __slots__ = ("_bits", "_factor", "_shift")

    def __init__(self, multiplier: int, bits: int) -> None:
        self._factor = np.uint32(multiplier)
        self._shift = np.uint32(32 - bits)
        self._bits = bits

    def places(self, words: NDArray[np.uint32]) -> NDArray[np.intp]:
        """Return the place of each word in the table."""
        return (words * self._factor >> self._shift).astype(np.intp)

    def table(self, colours: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return each colour at its place, with its number in the byte that is 0 in colours."""
        numbered = colours.copy()
        numbered.view(np.uint8)[3::4] = np.arange(len(colours))
        table = np.full(1 << self._bits, numbered[0])
        table[self.places(colours)] = numbered
        return table
