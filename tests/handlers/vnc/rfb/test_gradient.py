"""Tight's gradient filter, against the rule in the specification, pixel by pixel."""

from __future__ import annotations

import zlib
from struct import pack

import numpy as np
import pytest

from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.events import Drawn
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.pixel_format import pixel_format_of
from tests.handlers.vnc.rfb.test_limits import (
    SECURITY,
    VERSION,
    compressed_length,
    finish,
    rect,
    update,
)

WIDTH, HEIGHT = 13, 9
MAXIMA = {24: (255, 255, 255), 16: (31, 63, 31)}
SHIFTS = {24: (0, 8, 16), 16: (11, 5, 0)}


def filtered(values: list[list[list[int]]], most: tuple[int, ...]) -> list[list[int]]:
    """Return the differences of each pixel, (red, green, blue), as servers send them."""
    zero = [0, 0, 0]
    found = []
    for y, row in enumerate(values):
        for x, pixel in enumerate(row):
            left = row[x - 1] if x else zero
            above = values[y - 1][x] if y else zero
            corner = values[y - 1][x - 1] if x and y else zero
            guesses = [min(max(left[c] + above[c] - corner[c], 0), most[c]) for c in range(3)]
            found.append([(pixel[c] - guesses[c]) & most[c] for c in range(3)])
    return found


@pytest.mark.parametrize("depth", [16, 24])
def test_the_filter_is_undone(depth: int) -> None:
    most, shifts = MAXIMA[depth], SHIFTS[depth]
    rng = np.random.default_rng(depth)
    values = rng.integers(0, np.array(most) + 1, (HEIGHT, WIDTH, 3))
    words = [
        sum(value << shift for value, shift in zip(pixel, shifts, strict=True))
        for pixel in filtered(values.tolist(), most)
    ]
    size = 3 if depth == 24 else 2
    data = zlib.compress(b"".join(word.to_bytes(size, "little") for word in words))
    options = ClientOptions(pixel_format_of(depth), [], 1 << 10)
    client = RfbClient(options, Credentials())
    client.feed(VERSION + SECURITY + pack(">HH16xI", 64, 64, 0))
    payload = b"\x40\2" + compressed_length(data) + data
    events = client.feed(update(rect(WIDTH, HEIGHT, numbers.TIGHT, payload))) + finish(client)
    (drawn,) = (event for event in events if isinstance(event, Drawn))
    assert (drawn.pixels[..., 2::-1] == values * 255 // np.array(most)).all()
