"""How much detail a moving picture has, which decides the quality that is sufficient for it.

Grain and foliage hide losses and need many bytes; soft pictures show losses and need few. Text and
drawings show losses most: they have edges beside flat areas.
"""

from __future__ import annotations

import numpy as np

from guacr.display.jpeg import Array8, encode_jpeg

BITS = 0.75
"""Bits per pixel of an image beyond which a moving picture has much detail."""
HEADER = 620
"""Bytes of a JPEG file before its pixels."""
EDGES = 3.0
"""The factor by which the mean difference between neighbours exceeds the median one where there are
edges beside flat areas; without them, it is 1.2 to 2.5."""
SHARP = 8.0
"""The mean difference, of 255, from which such edges may be those of text."""
SHARP_SHARE_MAX = 0.15
"""The share of blocks with such edges up to which a picture is like a photograph; in text it is 0.5
and more."""
DETAILED_SHARE = 0.5
"""The share of blocks that must have detail and no such edges."""
BLOCK = 64
"""Minimum pixels along the edge of a block, of which a picture with fewer is one."""
ROW_STEP = 8
"""One row of so many is examined."""
SAMPLE = 16
"""One of so many rows is encoded to estimate the size of an image."""
SAMPLE_ROWS = 16
"""Minimum rows of it: whole blocks of a JPEG with halved colours."""


def bits_per_pixel(size: int, area: int) -> float:
    """Return the bits for each of `area` pixels in a file of `size` bytes."""
    return 8 * (size - HEADER) / area


def hides_losses(bgrx: Array8) -> bool:
    """Return whether most of (height, width, 4) has detail that hides losses, and hardly any of it
    can be text."""
    if bgrx.shape[1] < 2:
        return False
    green = bgrx[::ROW_STEP, :, 1]
    left, right = green[:, :-1], green[:, 1:]
    blocks = _blocks(np.maximum(left, right) - np.minimum(left, right))
    means, half = blocks.mean(axis=1), blocks.shape[1] / 2
    thresholds = np.maximum(1, np.ceil(means / EDGES)).astype(np.uint8)
    detailed = (blocks >= thresholds[:, None]).sum(axis=1) >= half  # the median reaches it
    is_sharp = ~detailed & (means >= SHARP)
    return bool(is_sharp.mean() <= SHARP_SHARE_MAX and detailed.mean() >= DETAILED_SHARE)


def _blocks(values: Array8) -> Array8:
    """Return the values of each block of sampled rows, (blocks, values), but for a few at the
    edges."""
    rows, columns = values.shape
    down, across = max(1, rows * ROW_STEP // BLOCK), max(1, columns // BLOCK)
    height, width = rows // down, columns // across
    inside = values[: down * height, : across * width].reshape(down, height, across, width)
    return inside.swapaxes(1, 2).reshape(down * across, height * width)


def needs_many_bits(bgrx: Array8, quality: int) -> bool:
    """Return whether a JPEG of (height, width, 4) exceeds `BITS`, judging by its middle."""
    height, width = bgrx.shape[:2]
    rows = min(height, max(SAMPLE_ROWS, height // SAMPLE))
    top = (height - rows) // 2
    sample = encode_jpeg(bgrx[top : top + rows], quality, "420")
    return bits_per_pixel(len(sample), rows * width) > BITS
