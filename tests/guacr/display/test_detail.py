"""What hides losses is found by its content: photographs and noise do, text does not."""

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageDraw, ImageFont

from guacr.display.detail import BITS, bits_per_pixel, hides_losses, needs_many_bits
from guacr.display.jpeg import encode_jpeg
from guacr.display.pixels import Array8
from tests.support.x_window import photograph

WIDTH, HEIGHT = 640, 256
WORDS = "every mountain above the village was white, and nobody had been there since autumn "


def bgrx(rgb: Array8) -> Array8:
    picture = np.zeros((*rgb.shape[:2], 4), np.uint8)
    picture[..., :3] = rgb[..., ::-1]
    return picture


def photo() -> Array8:
    return bgrx(photograph(1, WIDTH, HEIGHT))


def noise() -> Array8:
    return np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)


def gradient() -> Array8:
    rows, columns = np.arange(HEIGHT)[:, None, None] / 4, np.arange(WIDTH)[None, :, None] / 8
    return bgrx(np.broadcast_to(rows + columns, (HEIGHT, WIDTH, 3)).astype(np.uint8))


def text(ground: Array8, colour: int, rows: int = HEIGHT) -> Array8:
    """Lines of smooth text above a ground, as far as `rows`."""
    image = Image.fromarray(np.ascontiguousarray(ground[..., 2::-1]))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for y in range(0, rows, 16):
        draw.text((2 - y % 7, y), 2 * WORDS, font=font, fill=(colour,) * 3)
    return bgrx(np.asarray(image))


def white() -> Array8:
    return np.full((HEIGHT, WIDTH, 4), 255, np.uint8)


def as_jpeg(picture: Array8) -> Array8:
    pixels: Array8 = simplejpeg.decode_jpeg(encode_jpeg(picture, 77, "444"), "BGRX")
    return pixels


@pytest.mark.parametrize("width", [640, 100, 37])
@pytest.mark.parametrize("height", [256, 51, 12])
def test_photographs_and_noise_hide_losses(width: int, height: int) -> None:
    for picture in (photo(), as_jpeg(photo()), noise()):
        assert hides_losses(picture[:height, :width])


def test_a_few_words_in_a_photograph_are_part_of_it() -> None:
    assert hides_losses(text(photo(), 255, rows=16))


def test_text_does_not_hide_losses() -> None:
    for picture in (
        text(white(), 0),
        text(gradient(), 255),
        text(photo() // 2, 255),
        as_jpeg(text(white(), 0)),
        as_jpeg(text(gradient(), 255)),
    ):
        assert not hides_losses(picture)
        assert not hides_losses(picture[40:91])


def test_what_is_soft_or_tiny_does_not() -> None:
    for picture in (white(), gradient(), photo()[:1, :1], photo()[:200, :1]):
        assert not hides_losses(picture)


def test_the_bits_of_a_picture_are_estimated_by_a_part() -> None:
    for picture, many in ((noise(), True), (gradient(), False), (white(), False)):
        assert needs_many_bits(picture, 75) is many
        size = len(encode_jpeg(picture, 75, "420"))
        assert (bits_per_pixel(size, WIDTH * HEIGHT) > BITS) is many
    assert not needs_many_bits(noise(), 1)
    assert isinstance(needs_many_bits(noise()[:1, :1], 75), bool)
