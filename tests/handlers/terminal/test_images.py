"""Images in a terminal, through a whole session with clients in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from guacr.protocol.client import ClientInfo
from guacr.settings.models import Settings
from tests.handlers.terminal.echo import Desk, EchoHandler, expected_picture, settled
from tests.support.loopback import MemoryTransport, until
from tests.terminal.kitty_graphics import chunks, command, noise, png

IMAGE = noise(80, 60)
SMALL = ClientInfo(width=400, height=300)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.close()


async def painted(transport: MemoryTransport, handler: EchoHandler) -> None:
    """Until a viewer sees without losses what the terminal shows."""
    await until(lambda: handler.terminal.emulator.pending is None)
    x, y, width, height = handler.terminal.layout.text
    while True:
        await settled(transport)
        pictures = transport.canvas.flatten(), expected_picture(handler)
        seen, expected = (picture[y : y + height, x : x + width] for picture in pictures)
        if (seen == expected).all():
            return
        frames = len(transport.all("sync"))
        await until(lambda: len(transport.all("sync")) > frames)  # noqa: B023 - it is not kept


def image_at(transport: MemoryTransport, handler: EchoHandler, column: int, row: int) -> bool:
    """Return whether a viewer sees the image with its corner in a cell."""
    layout = handler.terminal.layout
    x = layout.text.x + column * layout.cell_width
    y = layout.text.y + row * layout.cell_height
    part = transport.canvas.flatten()[y : y + 60, x : x + 80]
    return bool(np.array_equal(part, IMAGE[..., :3]))


async def test_viewers_see_an_image_where_it_is(desk: Desk) -> None:
    transport, _, handler = desk.join(info=SMALL)
    handler.start_input()
    handler.feed(b"before\r\n" + chunks("a=T,i=1,f=100", png(IMAGE)) + b"after")
    await painted(transport, handler)
    assert image_at(transport, handler, 0, 1)
    assert bytes(handler.sent) == b"\x1b_Gi=1;OK\x1b\\"
    joiner, _, _ = desk.join(desk.sessions[0])
    await painted(joiner, handler)
    assert image_at(joiner, handler, 0, 1)


async def test_output_stays_in_order(desk: Desk) -> None:
    _, _, handler = desk.join()
    handler.start_input()
    for number in range(1, 6):
        handler.feed(command(f"a=T,i={number},f=100", png(IMAGE)))
        handler.feed(b"\x1b[5n")
    replies = b"".join(b"\x1b_Gi=%d;OK\x1b\\\x1b[0n" % number for number in range(1, 6))
    await until(lambda: bytes(handler.sent) == replies)


async def test_an_end_shows_the_last_image(desk: Desk) -> None:
    _, _, handler = desk.join()
    handler.feed(command("a=T,i=1,f=100", png(IMAGE)) + b"end")
    await handler.finish_output()
    assert len(handler.terminal.emulator.images()) == 1
    assert handler.terminal.emulator.pending is None


async def test_an_image_scrolls_and_is_cleared(desk: Desk) -> None:
    transport, _, handler = desk.join(info=SMALL)
    handler.feed(b"\x1b[9;5H" + chunks("a=T,f=100", png(IMAGE)))
    await painted(transport, handler)
    row = handler.terminal.emulator.images()[0].row
    assert image_at(transport, handler, 4, row)
    handler.feed(b"\x1b[15;1H" + b"line\r\n" * 5)
    await painted(transport, handler)
    assert image_at(transport, handler, 4, row - 5)
    handler.feed(b"\x1b[H\x1b[J\x1b[3J")
    await painted(transport, handler)
    text = handler.terminal.layout.text
    shown = transport.canvas.flatten()[text.y + 40 : text.bottom, text.x : text.right]
    assert (shown == handler.terminal.scheme.colours.background).all()


async def test_programs_learn_the_size_in_pixels(desk: Desk) -> None:
    _, _, handler = desk.join()
    handler.start_input()
    handler.feed(b"\x1b[14t\x1b[16t\x1b[18t")
    columns, rows, width, height = handler.window
    assert (width, height) == (columns * 10, rows * 19)
    assert bytes(handler.sent).decode() == (
        f"\x1b[4;{height};{width}t\x1b[6;19;10t\x1b[8;{rows};{columns}t"
    )


async def test_images_can_be_switched_off() -> None:
    desk = Desk(Settings.model_validate({"terminal": {"image_bytes": 0}}))
    _, _, handler = desk.join()
    handler.start_input()
    handler.feed(command("a=T,i=1,f=100", png(IMAGE)) + command("a=q,i=2,s=1,v=1", b"abcd"))
    assert (bytes(handler.sent), list(handler.terminal.emulator.images())) == (b"", [])
    await desk.close()
