"""Pictures with few colours are split exactly, whatever the colours are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from guacr.display.palette import (
    COLOURS_MAX,
    COMPARED_MAX,
    HASH_BITS,
    MULTIPLIERS,
    SHORT_HASH_BITS,
    split_colours,
)

COLOURS = st.integers(0, (1 << 24) - 1)


def words_of(colours: list[int], width: int = 100) -> NDArray[np.uint32]:
    """At least 40 rows of these colours, in turn."""
    words = np.resize(np.array(colours, np.uint32), (40 + len(colours) // width) * width)
    return words.reshape(-1, width)


def joined(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The picture that the indices and the palette stand for."""
    found = split_colours(words)
    assert found is not None
    indices, palette = found
    shown = np.zeros((*words.shape, 4), np.uint8)
    shown[..., :3] = palette[indices][..., ::-1]
    return shown.view(np.uint32)[..., 0]


@given(st.lists(COLOURS, min_size=1, max_size=COLOURS_MAX))
def test_the_picture_is_the_same(colours: list[int]) -> None:
    words = words_of(colours)
    assert (joined(words) == words).all()


@pytest.mark.parametrize("count", [3, COMPARED_MAX, COMPARED_MAX + 1])
def test_strided_rows(count: int) -> None:
    words = words_of(list(range(count)))[5:20, 7:60]
    assert (joined(words) == words).all()


def test_colours_that_no_sample_shows_are_found() -> None:
    words = np.zeros((100, 100), np.uint32)
    words[50, :COLOURS_MAX] = range(1, 101)
    assert (joined(words) == words).all()
    words[60:63, :60] = np.arange(1000, 1180).reshape(3, 60)
    assert split_colours(words) is None


@pytest.mark.parametrize("bits", [HASH_BITS, SHORT_HASH_BITS])
def test_colours_with_one_hash_are_told_apart(bits: int) -> None:
    factor = MULTIPLIERS[0]
    by_hash: dict[int, int] = {}
    for colour in range(1 << 24):
        place = (colour * factor & 0xFFFFFFFF) >> (32 - bits)
        other = by_hash.setdefault(place, colour)
        if other != colour:
            break
    others = list(range(40 if bits == HASH_BITS else COMPARED_MAX))
    words = words_of([colour, other, *others])
    assert (joined(words) == words).all()


def test_a_photo_has_too_many() -> None:
    assert split_colours(np.arange(10_000, dtype=np.uint32).reshape(100, 100)) is None
