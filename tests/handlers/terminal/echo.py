"""A protocol without a host, for tests of what all terminals share."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from guacr.display.geometry import Rect
from guacr.protocol.client import ClientInfo
from guacr.session.context import SessionContext
from guacr.session.params import Params, order
from guacr.session.protocols import Protocols
from guacr.session.registry import SessionRegistry
from guacr.session.shared_params import WakeOnLanParams
from guacr.session.user import User
from guacr.settings.models import Settings
from handlers.terminal import TerminalHandler
from handlers.terminal.params import HostTerminalParams, TerminalParams
from tests.support.loopback import MemoryTransport, note_session, until
from tests.support.screen import rows_of


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoParams(HostTerminalParams, WakeOnLanParams):
    """All parameters that terminals share."""

    ORDER = order(HostTerminalParams, WakeOnLanParams)


class EchoHandler(TerminalHandler):
    """Keeps what it is to send; the test plays the host with `feed`."""

    name: ClassVar[str] = "echo"
    params_type: ClassVar[type[Params]] = EchoParams

    def __init__(self, session: SessionContext, params: TerminalParams) -> None:
        self.sent = bytearray()
        self.windows: list[tuple[int, int, int, int]] = []
        self.blocks: list[bool] = []
        super().__init__(session, params)

    async def run(self) -> None:
        self.session.set_connected()
        await asyncio.get_running_loop().create_future()

    def send(self, data: bytes) -> None:
        self.sent += data

    def window_changed(self, columns: int, rows: int, width: int, height: int) -> None:
        self.windows.append((columns, rows, width, height))

    def block_output(self, blocked: bool) -> None:
        self.blocks.append(blocked)


class Desk:
    """A registry with that protocol, and its users, connected in memory."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._executor = ThreadPoolExecutor(1)
        self._registry = SessionRegistry(
            Protocols({"echo": EchoHandler}), settings or Settings(), self._executor
        )

    @property
    def sessions(self) -> list[str]:
        """Ids of the sessions that run."""
        return list(self._registry.sessions)

    def join(
        self, select: str = "echo", info: ClientInfo | None = None, **values: str
    ) -> tuple[MemoryTransport, User, EchoHandler]:
        """A client that acknowledges frames; `values` are parameters with `_` for `-`."""
        transport = MemoryTransport()
        transport.replies = True
        texts = {name.replace("_", "-"): text for name, text in values.items()}
        reader = self._registry.open(select, texts, info or ClientInfo(), transport)
        reader.session.begun = True  # as it is after a turn of the event loop
        note_session(reader)
        handler = reader.session.handler
        assert isinstance(handler, EchoHandler)
        return transport, reader.user, handler

    async def close(self) -> None:
        """End all sessions."""
        await self._registry.close()
        self._executor.shutdown()


def press(transport: MemoryTransport, *keysyms: int | str) -> None:
    """Press and release keys, by keysym or by the characters of a text."""
    for one in keysyms:
        for code in [one] if isinstance(one, int) else map(ord, one):
            transport.send("key", code, 1)
            transport.send("key", code, 0)


def text_of(handler: EchoHandler) -> list[str]:
    """The rows of the viewport, without blanks at their ends."""
    lines = rows_of(handler.terminal.emulator)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def expected_picture(handler: EchoHandler) -> NDArray[np.uint8]:
    """Return the expected picture, composed without the display: background, text, overlays."""
    terminal = handler.terminal
    layout, text = terminal.layout, terminal.layout.text
    picture = np.empty((layout.height, layout.width, 3), np.uint8)
    picture[:] = terminal.scheme.colours.background
    pixels = terminal.surface.pixels(Rect(0, 0, *terminal.surface.size))
    array = getattr(pixels, "array", None)
    if array is None:
        array = pixels.bgrx().array
    picture[text.y : text.bottom, text.x : text.right] = array[..., 2::-1]
    return picture


async def settled(transport: MemoryTransport) -> None:
    """Until the newest picture has been painted."""
    await until(lambda: bool(transport.all("sync")))
    session = transport.receiver.session  # type: ignore[attr-defined]
    clock = session.frames._clock
    await until(lambda: not (clock.pending or clock.busy or session.display.changed))
