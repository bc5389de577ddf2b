"""Recordings of real servers: every encoding shows the same picture, wherever the input is cut."""

from __future__ import annotations

import numpy as np
import pytest

from guacr.api import Array8
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.events import Copied, Drawn, Event, Filled, Pictured, Resized
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from handlers.vnc.rfb.pixel_format import pixel_format_of
from tests.fuzz.rfb_captures import DEPTHS, Capture, captures

CAPTURES = captures()
ALL = pytest.mark.parametrize("capture", CAPTURES, ids=[capture.name for capture in CAPTURES])


def draw(picture: Array8, event: Event) -> Array8:
    """Return the picture, (height, width, 3) of blue, green, red, after an event."""
    if isinstance(event, Resized):
        return np.zeros((event.height, event.width, 3), np.uint8)
    if isinstance(event, Drawn):
        rect = event.rect
        picture[rect.y : rect.bottom, rect.x : rect.right] = event.pixels[..., :3]
    elif isinstance(event, Filled):
        rect = event.rect
        picture[rect.y : rect.bottom, rect.x : rect.right] = event.colour[::-1]
    elif isinstance(event, Copied):
        rect = event.source
        moved = picture[rect.y : rect.bottom, rect.x : rect.right].copy()
        picture[event.y : event.y + rect.height, event.x : event.x + rect.width] = moved
    elif isinstance(event, Pictured):
        width, height = event.image.size
        area = picture[event.y : event.y + height, event.x : event.x + width]
        area[:] = event.image.array[..., :3]
    return picture


def shown(capture: Capture, step: int = 1 << 20, *, swap: bool = False) -> Array8:
    """Return the picture of a recording that arrives in parts of `step` bytes."""
    pixel_format = pixel_format_of(capture.depth)
    options = ClientOptions(pixel_format, [], 1 << 16, swap_red_blue=swap)
    client = RfbClient(options, Credentials())
    picture = np.zeros((0, 0, 3), np.uint8)
    for at in range(0, len(capture.data), step):
        events = client.feed(capture.data[at : at + step])
        while client.waits_for is not Wait.INPUT:
            events += client.go_on(inline=client.waits_for is not Wait.THREAD)
        for event in events:
            picture = draw(picture, event)
    return picture


@pytest.mark.parametrize("depth", DEPTHS)
def test_all_encodings_show_the_same_picture(depth: int) -> None:
    pictures = {each.name: shown(each) for each in CAPTURES if each.depth == depth}
    exact = {name: picture for name, picture in pictures.items() if "jpeg" not in name}
    assert len(np.unique(pictures[f"xvnc-raw-{depth}"].reshape(-1, 3), axis=0)) > 20
    for server in ("xvnc", "x11vnc"):  # which round eight bits differently
        same = [picture for name, picture in exact.items() if name.startswith(server)]
        assert len(same) >= 5
        assert all((picture == same[0]).all() for picture in same)
    reference = pictures[f"xvnc-raw-{depth}"].astype(int)
    for picture in pictures.values():
        assert np.abs(picture - reference).mean() < (25 if depth == 8 else 12)


@ALL
def test_the_input_may_be_cut_anywhere(capture: Capture) -> None:
    assert (shown(capture, 1) == shown(capture)).all()


@ALL
def test_red_and_blue_may_be_swapped(capture: Capture) -> None:
    assert (shown(capture, swap=True) == shown(capture)[..., ::-1]).all()


def test_sixteen_bits_are_as_exact_as_they_can_be() -> None:
    whole, reduced = (
        next(shown(each).astype(int) for each in CAPTURES if each.name == f"xvnc-raw-{depth}")
        for depth in (24, 16)
    )
    most = np.array([31, 63, 31])
    assert (((whole * most + 127) // 255) * 255 // most == reduced).all()
