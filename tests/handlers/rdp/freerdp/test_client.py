"""What a client does when FreeRDP opens and closes channels."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any, cast

from handlers.rdp.channel.messages import Remark
from handlers.rdp.freerdp.client import GRAPHICS, Client
from handlers.rdp.freerdp.structs import ChannelEvent
from handlers.rdp.worker.changes import Changes

GDI, INTERFACE = 7, 8


def test_the_graphics_pipeline_marks_pictures() -> None:
    calls: list[tuple[str, int, int]] = []
    sent: list[object] = []
    screen = SimpleNamespace(gdi=GDI, changes=Changes())
    client: Any = Client.__new__(Client)
    client.library = SimpleNamespace(
        gdi_graphics_pipeline_init=lambda *places: calls.append(("begin", *places)),
        gdi_graphics_pipeline_uninit=lambda *places: calls.append(("end", *places)),
    )
    client._surroundings = SimpleNamespace(send=sent.append)
    client._screen = screen
    event = ChannelEvent(0, None, GRAPHICS.encode(), INTERFACE)
    place = ctypes.addressof(event)
    cast(Client, client)._channel_opened(0, place)
    assert screen.changes.has_frames
    cast(Client, client)._channel_closed(0, place)
    assert not screen.changes.has_frames
    assert calls == [("begin", GDI, INTERFACE), ("end", GDI, INTERFACE)]
    assert sent == [Remark(f"channel {GRAPHICS} is open")]
