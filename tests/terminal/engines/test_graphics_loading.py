"""Unpacking the images that hosts send: what comes out, and what is refused at which bound."""

from __future__ import annotations

import random
import struct
import zlib
from base64 import b64encode

import numpy as np
import pytest

from terminal.engines.graphics import GraphicsCommand
from terminal.engines.graphics_loading import GraphicsError, Loader, unpack
from tests.terminal.kitty_graphics import noise, png

LIMIT = 4096
PIXELS = noise(16, 16, alpha=None)


def keys(text: str) -> GraphicsCommand:
    return GraphicsCommand(dict(pair.split("=") for pair in text.split(",")))


def refused(text: str, data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(GraphicsError) as caught:
        unpack(keys(text), data, limit)
    return str(caught.value).partition(":")[0]


RGB = PIXELS[..., :3].tobytes()
OPAQUE = np.dstack([PIXELS[..., :3], np.full((16, 16), 255, np.uint8)]).tobytes()


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("f=32,s=16,v=16", PIXELS.tobytes(), PIXELS.tobytes()),
        ("s=8,v=32,t=d", PIXELS.tobytes(), PIXELS.tobytes()),
        ("f=24,s=16,v=16", RGB, OPAQUE),
        ("f=32,s=16,v=16,o=z", zlib.compress(PIXELS.tobytes()), PIXELS.tobytes()),
        ("f=24,s=16,v=16,o=z", zlib.compress(RGB), OPAQUE),
        ("f=100", png(PIXELS), PIXELS.tobytes()),
        ("f=100,s=1,v=1", png(PIXELS, "RGB"), OPAQUE),
        ("f=100,o=z", zlib.compress(png(PIXELS)), PIXELS.tobytes()),
    ],
)
def test_formats(text: str, data: bytes, expected: bytes) -> None:
    bitmap = unpack(keys(text), data, LIMIT)
    assert bitmap.rgba == expected
    assert bitmap.width * bitmap.height * 4 == len(expected)
    pixels = np.frombuffer(expected, np.uint8).reshape(bitmap.height, bitmap.width, 4)
    assert (bitmap.painted.pixels[..., 3] == pixels[..., 3]).all()
    assert bitmap.painted.opaque == (pixels[..., 3] == 255).all()
    colours = pixels[..., :3] * (pixels[..., 3:] / 255)
    assert np.abs(bitmap.painted.pixels[..., 2::-1] - colours).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16"])
def test_every_kind_of_png_becomes_rgba(mode: str) -> None:
    bitmap = unpack(keys("f=100"), png(PIXELS, mode), LIMIT)
    assert (bitmap.width, bitmap.height, len(bitmap.rgba)) == (16, 16, 1024)


def test_an_image_of_just_the_limit_is_taken_and_no_larger_one() -> None:
    largest, larger = noise(32, 32), noise(32, 33)
    assert unpack(keys("s=32,v=32"), largest.tobytes(), LIMIT).rgba == largest.tobytes()
    assert refused("s=32,v=33", larger.tobytes()) == "EFBIG"
    assert refused("s=32,v=33,f=24,o=z", zlib.compress(bytes(32 * 33 * 3))) == "EFBIG"
    assert unpack(keys("f=100"), png(np.zeros_like(largest)), LIMIT).height == 32
    assert refused("f=100", png(np.zeros_like(larger))) == "EFBIG"
    assert refused("f=100", bytes(LIMIT + 1)) == "EFBIG"


@pytest.mark.parametrize("compression", ["", ",o=z"])
@pytest.mark.parametrize("size", [0, 1, 1023, 1025, 10_000_000])
def test_data_of_another_size_is_refused(compression: str, size: int) -> None:
    data = zlib.compress(bytes(size)) if compression else bytes(size)
    expected = "EFBIG" if len(data) > LIMIT and size > 10_000 else "ENODATA"
    assert refused("s=16,v=16" + compression, data) == expected


def test_bombs_are_not_unpacked() -> None:
    bomb = png(np.zeros((2000, 2000, 4), np.uint8))
    assert len(bomb) < 1 << 20
    assert refused("f=100", bomb, 1 << 20) == "EFBIG"
    inflated = zlib.compress(bytes(100 << 20), 9)
    assert refused("f=24,s=16,v=16,o=z", inflated, 1 << 20) == "ENODATA"
    assert refused("f=100,o=z", inflated, 1 << 20) == "EBADPNG"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("s=0,v=16", "EINVAL"),
        ("s=16", "EINVAL"),
        ("s=-16,v=-16", "EINVAL"),
        ("f=8,s=16,v=16", "EINVAL"),
        ("o=x,s=16,v=16", "EINVAL"),
        ("o=z,s=16,v=16", "EINVAL"),
        ("f=100", "EBADPNG"),
        ("s=9999999999,v=9999999999", "EFBIG"),
        ("t=f,s=16,v=16", "EINVAL"),
        ("t=t,f=100", "EINVAL"),
        ("t=s,f=24,s=16,v=16", "EINVAL"),
    ],
)
def test_what_cannot_be_is_refused(text: str, code: str) -> None:
    assert refused(text, PIXELS.tobytes()) == code


def test_damaged_pngs_are_refused_and_nothing_else_is_raised() -> None:
    source, whole = random.Random(1), png(PIXELS)
    refusals = 0
    for _ in range(2000):
        data = bytearray(whole[: source.randint(20, len(whole))])
        for _ in range(source.randint(1, 8)):
            data[source.randrange(len(data))] = source.randrange(256)
        try:
            bitmap = unpack(keys("f=100"), bytes(data), LIMIT)
            assert len(bitmap.rgba) == bitmap.width * bitmap.height * 4 <= LIMIT
        except GraphicsError:
            refusals += 1
    assert refusals > 1000


def test_a_png_that_lies_about_its_text_is_refused() -> None:
    text = b"zTXt" + b"key\0\0" + zlib.compress(bytes(80 << 20), 9)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    whole = png(PIXELS)
    data = whole[:33] + chunk + whole[33:]
    assert refused("f=100", data, 1 << 20) == "EBADPNG"


def test_chunks_are_put_together() -> None:
    loader = Loader(LIMIT)
    first = GraphicsCommand({"s": "2", "m": "1", "i": "7"}, b64encode(b"abc"))
    assert loader.add(first) is None
    assert loader.add(GraphicsCommand({"m": "1"}, b64encode(b"d"))) is None
    assert loader.add(GraphicsCommand({"m": "0", "q": "1"}, b"ZWY")) == (first, b"abcdef")
    alone = GraphicsCommand({"s": "2"}, b64encode(b"xyz"))
    assert loader.add(alone) == (alone, b"xyz")


def test_a_new_image_ends_an_unfinished_one() -> None:
    loader = Loader(LIMIT)
    assert loader.add(GraphicsCommand({"s": "2", "m": "1"}, b64encode(b"abc"))) is None
    second = GraphicsCommand({"f": "100"}, b64encode(b"def"))
    assert loader.add(second) == (second, b"def")


def test_no_more_than_the_limit_and_one_byte_is_kept() -> None:
    loader = Loader(10)
    first = GraphicsCommand({"s": "2", "m": "1"}, b64encode(bytes(9)))
    loader.add(first)
    for _ in range(5):
        loader.add(GraphicsCommand({"m": "1"}, b64encode(bytes(30))))
    assert loader.add(GraphicsCommand({})) == (first, bytes(11))


@pytest.mark.parametrize("payload", [b"A", b"A===", b"=", b"===="])
def test_what_is_no_base64_is_no_data(payload: bytes) -> None:
    first = GraphicsCommand({"s": "1"}, payload)
    assert Loader(LIMIT).add(first) == (first, b"")
