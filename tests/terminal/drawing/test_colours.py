"""Colour schemes in guacd's notation and beyond it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from terminal.drawing.colours import SCHEME_MAX, named_colour, parse_scheme, standard_palette

GREY, BLACK, WHITE, GREEN = (0x99,) * 3, (0, 0, 0), (255,) * 3, (0x3E, 0x99, 0x3E)


@pytest.mark.parametrize(
    ("name", "foreground", "background"),
    [
        ("", GREY, BLACK),
        ("gray-black", GREY, BLACK),
        ("black-white", BLACK, WHITE),
        ("green-black", GREEN, BLACK),
        ("white-black", WHITE, BLACK),
        (" Gray-Black ", GREY, BLACK),
    ],
)
def test_presets(name: str, foreground: object, background: object) -> None:
    scheme = parse_scheme(name)
    assert (scheme.colours.foreground, scheme.colours.background) == (foreground, background)
    assert scheme.colours.palette == standard_palette()
    assert not scheme.warnings


@pytest.mark.parametrize(
    ("value", "rgb"),
    [
        ("rgb:f/8/0", (255, 136, 0)),
        ("rgb:ff/80/00", (255, 128, 0)),
        ("rgb:fff/800/000", (255, 128, 0)),
        ("RGB:FFFF/8000/0000", (255, 128, 0)),
        ("#f80", (255, 136, 0)),
        ("#ff8000", (255, 128, 0)),
        ("color15", WHITE),
        ("Color 16", (0, 0, 0)),
        ("color255", (238, 238, 238)),
        ("red", (255, 0, 0)),
        ("Light Sea Green", (32, 178, 170)),
        ("lightseagreen", (32, 178, 170)),
        ("gray", (190, 190, 190)),
        ("grey50", (127, 127, 127)),
        ("SteelBlue3", (79, 148, 205)),
        ("violet red", (208, 32, 144)),
    ],
)
def test_values(value: str, rgb: tuple[int, int, int]) -> None:
    scheme = parse_scheme(f"background: {value}")
    assert scheme.colours.background == rgb
    assert scheme.colours.foreground == GREY
    assert not scheme.warnings


def test_palette_entries() -> None:
    scheme = parse_scheme("color1: #010203; color255:red;; COLOR2 : color1 ;")
    assert scheme.colours.palette[3:9] == bytes([1, 2, 3, 1, 2, 3])
    assert scheme.colours.palette[-3:] == bytes([255, 0, 0])
    assert scheme.colours.palette[9:-3] == standard_palette()[9:-3]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("no-such-scheme", "no-such-scheme"),
        ("background: nosuchcolour", "nosuchcolour"),
        ("background: rgb:1/2", "rgb:1/2"),
        ("background: rgb:12345/0/0", "rgb:12345/0/0"),
        ("background: #12345", "#12345"),
        ("background: color256", "color256"),
        ("color256: red", "color256"),
        ("cursor: red", "cursor"),
        ("background:", "''"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_kept(text: str, part: str) -> None:
    scheme = parse_scheme(f"foreground: red; {text}; color3: blue")
    (warning,) = scheme.warnings
    assert part in warning
    assert scheme.colours.foreground == (255, 0, 0)
    assert scheme.colours.background == BLACK
    assert scheme.colours.palette[9:12] == bytes([0, 0, 255])


def test_a_scheme_is_bounded() -> None:
    at_bound = "color1: red;" + " " * (SCHEME_MAX - 12)
    assert not parse_scheme(at_bound).warnings
    assert "cut off" in parse_scheme(at_bound + " ").warnings[0]
    assert len(parse_scheme("x;" * 8000).warnings) == 6


def test_names_without_the_engine() -> None:
    program = (
        "import sys; sys.modules['pyghostty'] = None\n"
        "from terminal.drawing.colours import named_colour as named\n"
        "assert named('Light Sea Green') == (32, 178, 170)\n"
        "assert named('grey50') == (127, 127, 127)\n"
        "assert named('no such') is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_unknown_name() -> None:
    assert named_colour("no such colour") is None
