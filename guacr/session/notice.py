"""A sentence on the picture of a session, which every client shows."""

from __future__ import annotations

import asyncio

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.pixels import Array8
from guacr.session.session import Session
from guacr.showable import showable

SECONDS = 15.0
"""Seconds for which it is visible."""
FONT_SIZE, MARGIN, WIDTH_MIN = 16, 6, 200
"""Pixels."""
INK, PAPER = (255, 255, 255), (160, 32, 32)
CHECK_EVERY = 0.25
"""Seconds between two looks whether the session has a picture yet."""


async def show_notice(session: Session, text: str, seconds: float | None = None) -> None:
    """Show a sentence at the top of the picture for some seconds, once there is a picture; if this
    is cancelled, no longer. By default, it is shown for `SECONDS`."""
    while not (session.context.connected and session.display.size[0]):  # noqa: ASYNC110 - rare
        await asyncio.sleep(CHECK_EVERY)
    width = max(session.display.size[0], WIDTH_MIN)
    pixels = await asyncio.to_thread(draw, text, width)
    height = pixels.shape[0]
    surface = FrameBuffer(width, height)
    surface.blit(Rect(0, 0, width, height), pixels, clean=True)
    layer = session.display.add_layer(surface)
    session.context.changed()
    try:
        await asyncio.sleep(SECONDS if seconds is None else seconds)
    finally:
        session.display.remove(layer)
        session.context.changed()


def draw(text: str, width: int) -> Array8:
    """Return a banner, (height, width, 4), with a text in as many lines as it needs."""
    font = ImageFont.load_default(FONT_SIZE)
    lines = _lines(showable(text, lambda _: "·"), width - 2 * MARGIN, font)
    step = FONT_SIZE + MARGIN
    image = Image.new("RGB", (width, step * len(lines) + MARGIN), PAPER)
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN // 2 + number * step), line, INK, font)
    pixels = np.zeros((image.height, width, 4), np.uint8)
    pixels[..., :3] = np.asarray(image)[..., ::-1]
    return pixels


def _lines(text: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
