"""Formats are chosen by content, settings and viewers; lossless ones are exact."""

import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from guacr.display.encoder import (
    JPEG,
    PNG,
    QUALITY_DETAILED,
    QUALITY_MOVING,
    WEBP,
    Encoding,
)
from guacr.display.jpeg import encode_jpeg
from guacr.display.pixels import BgrxPixels, IndexedPixels

RANDOM = np.random.default_rng(6)
PHOTO = BgrxPixels(
    np.add.outer(np.arange(96), np.arange(128))[..., None].repeat(4, 2).astype(np.uint8)
)
TEXT = IndexedPixels(
    RANDOM.integers(0, 16, (38, 100), dtype=np.uint8),
    RANDOM.integers(0, 256, (16, 3), dtype=np.uint8),
)


def rgb(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(
    ("settings", "pixels", "lossy", "expected"),
    [
        ({}, TEXT, False, PNG),
        ({}, PHOTO, False, PNG),
        ({}, PHOTO, True, JPEG),
        ({"format": "png"}, PHOTO, True, PNG),
        ({"format": "jpeg"}, TEXT, False, JPEG),
        ({"format": "webp"}, TEXT, False, WEBP),
        ({"format": "webp"}, PHOTO, True, WEBP),
        ({"accepted": frozenset({PNG})}, PHOTO, True, PNG),
        ({"format": "jpeg", "accepted": frozenset({PNG})}, PHOTO, True, PNG),
        ({"format": "webp", "accepted": frozenset({PNG, JPEG})}, PHOTO, True, PNG),
    ],
)
def test_format(settings, pixels, lossy, expected) -> None:  # type: ignore[no-untyped-def]
    encoding = Encoding(**settings)
    mimetype, data = pixels.encode(lossy, encoding)
    assert mimetype == expected
    assert Image.open(io.BytesIO(data)).format == expected.removeprefix("image/").upper()


NOISE = RANDOM.normal(0, 4, (512, 512, 1)) + np.arange(512)[:, None] / 4 + 60
LARGE_PHOTO = BgrxPixels(
    (NOISE + RANDOM.normal(0, 4, (512, 512, 4))).astype(np.uint8) * np.array([1, 1, 1, 0], np.uint8)
)
LARGE_TEXT = IndexedPixels(
    (RANDOM.random((512, 512)) < 0.1) * RANDOM.integers(0, 16, (512, 512), dtype=np.uint8),
    RANDOM.integers(0, 256, (16, 3), dtype=np.uint8),
)


@pytest.mark.parametrize(
    ("settings", "pixels", "lossy"),
    [
        ({}, LARGE_TEXT, False),
        ({"format": "png"}, LARGE_PHOTO, False),
        ({"format": "jpeg"}, LARGE_PHOTO, True),
        ({"format": "webp"}, LARGE_PHOTO, True),
    ],
    ids=["indexed", "png", "jpeg", "webp"],
)
def test_the_cost_is_about_the_time_it_takes(
    settings: dict[str, str], pixels: BgrxPixels | IndexedPixels, lossy: bool
) -> None:
    encoding = Encoding(**settings)  # type: ignore[arg-type]
    taken = min(computing(lambda: pixels.encode(lossy, encoding)) for _ in range(7))
    assert taken / 4 < pixels.cost(lossy, encoding) < taken * 4


def computing(work: Callable[[], object]) -> float:
    """Seconds for which this thread computes, whatever else the machine does."""
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


@pytest.mark.parametrize("settings", [{"format": "png"}, {"format": "webp"}, {}])
def test_lossless_is_exact(settings: dict[str, str]) -> None:
    for pixels in (TEXT, PHOTO):
        _, data = pixels.encode(False, Encoding(**settings))  # type: ignore[arg-type]
        assert (rgb(data) == pixels.bgrx().array[..., 2::-1]).all()


def test_lossy_is_close() -> None:
    for name in ("jpeg", "webp"):
        _, data = PHOTO.encode(True, Encoding(format=name))
        difference = rgb(data).astype(int) - PHOTO.array[..., 2::-1]
        assert abs(difference).mean() < 4


def test_quality_falls_with_lag() -> None:
    assert Encoding().lossy_quality() == 90
    assert Encoding(lag=0.02).lossy_quality() == 90
    assert Encoding(lag=0.05).lossy_quality() == 60
    assert Encoding(lag=5).lossy_quality() == 30
    assert Encoding(quality=77, lag=5).lossy_quality() == 77


def test_detail_lowers_only_an_automatic_quality_of_what_moves() -> None:
    assert Encoding().lossy_quality(moving=True) == QUALITY_MOVING
    assert Encoding().lossy_quality(moving=True, detailed=True) == QUALITY_DETAILED
    assert Encoding().lossy_quality(detailed=True) == 90
    assert Encoding(quality=77).lossy_quality(moving=True, detailed=True) == 77
    assert Encoding(lag=5).lossy_quality(moving=True, detailed=True) == 30


@pytest.mark.parametrize("settings", [{}, {"format": "jpeg"}])
def test_what_moves_has_the_quality_that_its_detail_needs(settings: dict[str, str]) -> None:
    encoding = Encoding(**settings)  # type: ignore[arg-type]

    def moved(pixels: BgrxPixels) -> int:
        _, data = pixels.encode(True, encoding, moving=True)
        return _quality(data, pixels)

    soft = BgrxPixels(LARGE_PHOTO.array // 16 * np.uint8(4))
    assert moved(LARGE_PHOTO) == QUALITY_DETAILED
    assert moved(soft) == moved(PHOTO) == QUALITY_MOVING
    assert _quality(LARGE_PHOTO.encode(True, encoding)[1], LARGE_PHOTO) == 90


def _quality(data: bytes, pixels: BgrxPixels) -> int:
    """The quality of a JPEG: the one with which encoding gives the same file."""
    found = [q for q in range(30, 91) if encode_jpeg(pixels.array, q, "420") == data]
    assert len(found) == 1
    return found[0]
