"""The contrast of text to its background, as defined by WCAG 2.2."""

from __future__ import annotations

from functools import lru_cache

from terminal.engines.contents import Rgb

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
_STEPS = 32
_CACHED_PAIRS = 4096


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast, from 1 (equal luminance) to 21 (black and white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(_CACHED_PAIRS)
def readable(foreground: Rgb, background: Rgb, minimum: float) -> Rgb:
    """Mix the foreground with as little black or white as reaches this contrast.

    If no mix does, return black or white, whichever has more contrast.
    """
    if contrast(foreground, background) >= minimum:
        return foreground
    far = max((BLACK, WHITE), key=lambda end: contrast(end, background))
    for step in range(1, _STEPS):
        mixed = _mixed(foreground, far, step)
        if contrast(mixed, background) >= minimum:
            return mixed
    return far


def _mixed(one: Rgb, other: Rgb, step: int) -> Rgb:
    red, green, blue = (a + (b - a) * step // _STEPS for a, b in zip(one, other, strict=True))
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_LINEAR[channel] for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: int) -> float:
    part = channel / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


_LINEAR = tuple(map(_linear, range(256)))
