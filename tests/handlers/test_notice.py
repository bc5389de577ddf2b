"""Notices above the picture."""

from __future__ import annotations

import pytest

from handlers.notice import LINES_MAX, PAPER, drawn

SENTENCE = "Host 'desk.example' has not answered for 13 s."


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (800, 600), (8192, 8192)])
@pytest.mark.parametrize("text", [SENTENCE, "x" * 2000, "主机 " * 300, "\x1b[31m\0\n!"])
def test_a_notice_fits_into_the_width(size: tuple[int, int], text: str) -> None:
    pixels = drawn(text, *size)
    height, width, channels = pixels.shape
    assert 1 <= width <= size[0]
    assert channels == 4
    one = drawn("x", *size).shape[0]
    assert height <= LINES_MAX * one


def test_letters_are_drawn_on_a_bar() -> None:
    pixels = drawn(SENTENCE, 800, 600)
    assert pixels[0, 0, :3].tolist() == list(PAPER[::-1])
    assert (pixels[..., :3] == 255).any()
    assert not pixels[..., 3].any()


def test_letters_grow_with_the_picture() -> None:
    assert drawn(SENTENCE, 3840, 2160).shape[0] > drawn(SENTENCE, 1280, 720).shape[0]
